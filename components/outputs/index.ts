export { connectionString, DATABASE, type Endpoint, endpoint, READ_ONLY_PORT, READ_WRITE_PORT } from "./endpoints";
export { LocalFile } from "./local-file";
export { stackReadme } from "./readme";

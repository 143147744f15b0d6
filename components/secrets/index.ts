export { SshKey } from "./resources";
export { Secrets } from "./secrets";

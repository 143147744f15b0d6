export { haproxyBundle, haproxySecrets } from "./bundle";
export { READ_LAG_BOUND } from "./config";
export { ADMIN_SOCKET, LEADER_ROUTE, READ_ROUTE, ROUTES_PROGRAM, STATISTICS_PORT } from "./names";

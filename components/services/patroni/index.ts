export { patroniBundle, patroniSecrets } from "./bundle";
export { type DynamicConfiguration, dynamicConfiguration } from "./dynamic";
export { hbaRules } from "./hba";
export {
  API_LOGIN,
  API_PORT,
  API_USER,
  CONFIG_DIR,
  DATA_DIR,
  DATABASE,
  POSTGRESQL_PORT,
  RESTART_PENDING,
  ROLES,
  SOCKET_DIR,
  WAL_DIR,
} from "./names";
export { databaseSql, rolesSql } from "./roles";

export { etcdBundle, etcdSecrets } from "./bundle";
export { CLIENT_PORT, ETCDCTL, METRICS_PORT, PEER_PORT, ROOT_USER, patroniUser } from "./names";

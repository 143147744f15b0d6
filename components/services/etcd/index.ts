export { etcdBundle, etcdSecrets } from "./bundle";
export { CLIENT_PORT, ETCDCTL, METRICS_PORT, PEER_PORT, patroniUser, ROOT_USER } from "./names";

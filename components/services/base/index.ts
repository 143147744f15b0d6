export { baseBundle } from "./bundle";

/** `npm run lint [-- --fix]`: style and types. */
import { lint, typeCheck } from "./checks";

const styled = lint(process.argv.slice(2));
const typed = typeCheck();
process.exitCode = styled && typed ? 0 : 1;

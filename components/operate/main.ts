/** Entry of `npm run cluster`. */
import { main } from "./cli";

main(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});

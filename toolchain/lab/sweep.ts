/** `toolchain/lab/sweep.sh <cluster> | --all`: removes a lab from this host and says what it removed. */
import { hostProblems } from "../../components/platform/lab/host";
import { formatTraces, isClusterName, isEmpty, sweep, sweepable } from "../../components/platform/lab/sweep";

async function main(words: string[]): Promise<number> {
  const [word, ...rest] = words;
  if (word === undefined || rest.length > 0 || (word !== "--all" && !isClusterName(word))) {
    console.error("usage: toolchain/lab/sweep.sh <cluster> | --all");
    return 2;
  }
  const problems = await hostProblems();
  if (problems.length > 0) {
    console.error(problems.join("\n"));
    return 1;
  }
  let code = 0;
  for (const cluster of word === "--all" ? await sweepable() : [word]) {
    try {
      const removed = await sweep(cluster);
      console.log(
        isEmpty(removed)
          ? `lab "${cluster}": nothing is left of it`
          : `lab "${cluster}": removed\n${formatTraces(removed)}`,
      );
    } catch (error) {
      console.error((error as Error).message);
      code = 1;
    }
  }
  return code;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

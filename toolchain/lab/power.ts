/** `npm run lab:power -- MACHINE|all off|on|cycle|status [-s STACK]`: the power button of a lab machine. */
import { powerOff, powerOn } from "../../components/platform/lab/faults";
import { hostProblems } from "../../components/platform/lab/host";
import { isOn, shutDown } from "../../components/platform/lab/power";
import { listMachines, readMachine } from "../../components/platform/lab/record";
import { clusterOfStack, takeStack } from "./cluster-of-stack";

const USAGE = `usage: npm run lab:power -- MACHINE|all ACTION [-s STACK]
  off      takes the power away: nothing is told, what was written stays
  on       switches on and waits for SSH
  cycle    shuts down in order, then switches on
  status   says whether it is on`;

const ACTIONS = ["off", "on", "cycle", "status"] as const;
type Action = (typeof ACTIONS)[number];

async function act(cluster: string, key: string, action: Action): Promise<string> {
  const name = { cluster, key };
  switch (action) {
    case "off":
      await powerOff(name);
      return "off";
    case "on":
      await powerOn(name);
      return "on";
    case "cycle":
      await shutDown(name);
      await powerOn(name);
      return "switched off and on";
    case "status":
      return (await isOn(name)) ? "on" : "off";
  }
}

async function main(words: string[]): Promise<number> {
  const { stack, rest } = takeStack(words);
  const [machine, action] = rest;
  if (machine === undefined || rest.length !== 2 || !ACTIONS.includes(action as Action)) {
    console.error(USAGE);
    return 2;
  }
  const problems = await hostProblems();
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const cluster = clusterOfStack(stack);
  const made: string[] = [];
  for (const key of await listMachines(cluster)) if ((await readMachine(cluster, key)) !== undefined) made.push(key);
  const keys = machine === "all" ? made : made.filter((key) => key === machine);
  if (made.length === 0) throw new Error(`lab "${cluster}" has no machines; make them: npm run lab`);
  if (keys.length === 0) throw new Error(`lab "${cluster}" has no machine ${machine}; it has: ${made.join(", ")}`);
  await Promise.all(keys.map(async (key) => console.log(`${key}: ${await act(cluster, key, action as Action)}`)));
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);

import fc from "fast-check";

/**
 * The same random cases in every run, so that a failure is one of the change and not of the day. Other cases:
 * `FC_SEED=$RANDOM npm run test:unit`.
 */
fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 1) });

// Reads spoiled files one after the other and tells the main thread what came of each, so that a hang can be named.
import { parentPort, workerData } from "node:worker_threads";
import { loadReadersAsync } from "./readers.mjs";
import { mutate, randomFrom } from "./mutate.mjs";

const { name, from, to, progress } = workerData;
const { FlexAvatarError, readers } = await loadReadersAsync();
const { seeds, read, mutations = [] } = readers[name];
const now = new Int32Array(progress);
const outcomes = { read: 0, refused: 0 };
const faults = [];
let longestMs = 0;
let largestBytes = 0;
for (let number = from; number < to; number++) {
    Atomics.store(now, 0, number);
    const random = randomFrom(number);
    const bytes = mutate(seeds[Math.floor(seeds.length * random())], random, mutations);
    const before = process.memoryUsage().arrayBuffers;
    const start = performance.now();
    try {
        await read(bytes);
        outcomes.read++;
    } catch (error) {
        if (error instanceof FlexAvatarError && error.code) {
            outcomes.refused++;
        } else if (faults.length < 20) {
            faults.push(`${name} ${number}: ${String(error?.stack ?? error).replace(/data:text[^)\s]*/g, "library")}`);
        }
    }
    longestMs = Math.max(longestMs, performance.now() - start);
    largestBytes = Math.max(largestBytes, process.memoryUsage().arrayBuffers - before);
}
parentPort.postMessage({ ...outcomes, faults, longestMs, largestBytes });

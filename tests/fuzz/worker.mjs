// Reads spoiled files one after the other and tells the main thread what came of each, so that a hang can be named.
import { parentPort, workerData } from "node:worker_threads";
import { loadReadersAsync } from "./readers.mjs";
import { mutate, randomFrom } from "./mutate.mjs";

const { name, from, to, progress } = workerData;
const { FlexAvatarError, readers } = await loadReadersAsync();
const { seeds, read, mutations = [] } = readers[name];
let faults = 0;
for (let number = from; number < to; number++) {
    Atomics.store(progress, 0, number);
    const random = randomFrom(number);
    const bytes = mutate(seeds[Math.floor(seeds.length * random())], random, mutations);
    const before = process.memoryUsage().arrayBuffers;
    const start = performance.now();
    try {
        await read(bytes);
        progress[1]++;
    } catch (error) {
        if (error instanceof FlexAvatarError && error.code) {
            progress[2]++;
        } else if (faults++ < 20) {
            const text = String(error?.stack ?? error).replace(/data:text[^)\s]*/g, "library");
            parentPort.postMessage(`${name} ${number}: ${text}`);
        }
    }
    progress[3] = Math.max(progress[3], performance.now() - start);
    progress[4] = Math.max(progress[4], (process.memoryUsage().arrayBuffers - before) / 1024);
}
parentPort.postMessage(null);

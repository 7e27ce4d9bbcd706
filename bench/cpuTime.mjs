// Processor time of a browser: on a software adapter that is what a frame costs, however busy the machine is with other work.
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks are 10 ms on every Linux that we know of. */
const MsPerTick = 10;

/**
 * Milliseconds that a process and all its descendants have used since they started.
 * @returns undefined where there is no /proc
 */
export function CpuTimeMs(pid) {
    let names;
    try {
        names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    } catch {
        return undefined;
    }
    const processes = new Map();
    for (const name of names) {
        try {
            const fields = readFileSync(`/proc/${name}/stat`, "utf8")
                .replace(/^.*\) /s, "")
                .split(" ");
            processes.set(Number(name), { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) });
        } catch {
            // gone meanwhile
        }
    }
    const isDescendant = (id) => {
        for (let at = id; at > 1; at = processes.get(at)?.parent ?? 0) {
            if (at === pid) {
                return true;
            }
        }
        return false;
    };
    let ticks = 0;
    for (const [id, process] of processes) {
        ticks += isDescendant(id) ? process.ticks : 0;
    }
    return MsPerTick * ticks;
}

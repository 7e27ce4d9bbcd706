// Processor time of a browser: on a software adapter that is what a frame costs, however busy the machine is with other
// work.
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks are 10 ms on every Linux that we know of. */
const MsPerTick = 10;

/**
 * Milliseconds that a process and all its descendants have used since they started.
 * @returns undefined where there is no /proc
 */
export function CpuTimeMs(pid) {
    const processes = Processes();
    if (!processes) {
        return undefined;
    }
    let ticks = 0;
    for (const [id, process] of processes) {
        ticks += IsDescendant(processes, id, pid) ? process.ticks : 0;
    }
    return MsPerTick * ticks;
}

/**
 * Milliseconds that a browser's GPU process has used, in steps of nanoseconds: without what pages and the rest of the
 * browser do meanwhile. Only differences mean something, as threads that have ended no longer count.
 * @param pid of the browser
 * @returns undefined where the system does not tell
 */
export function GpuTimeMs(pid) {
    const processes = Processes();
    const gpu = processes && [...processes.keys()].find((id) => IsDescendant(processes, id, pid) && IsGpuProcess(id));
    if (gpu === undefined) {
        return undefined;
    }
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${gpu}/task`)) {
        try {
            nanoseconds += Number(readFileSync(`/proc/${gpu}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
        } catch {
            // gone meanwhile
        }
    }
    return nanoseconds > 0 ? nanoseconds / 1e6 : undefined;
}

/** Parents and ticks by id; undefined where there is no /proc. */
function Processes() {
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
    return processes;
}

function IsDescendant(processes, id, pid) {
    for (let at = id; at > 1; at = processes.get(at)?.parent ?? 0) {
        if (at === pid) {
            return true;
        }
    }
    return false;
}

function IsGpuProcess(id) {
    try {
        return readFileSync(`/proc/${id}/cmdline`, "utf8").includes("--type=gpu-process");
    } catch {
        return false;
    }
}

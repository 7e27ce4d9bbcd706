/**
 * What page and worker say to each other. The worker says when its script runs; it is then asked once, and ended after
 * its answer.
 */
import type { IJobs, JobKind } from "../jobs.js";

/** What the worker is asked. */
export type JobRequest<K extends JobKind = JobKind> = { [Kind in K]: { kind: Kind; input: IJobs[Kind]["input"] } }[K];

/** What the worker says. */
export type JobAnswer<K extends JobKind = JobKind> =
    | { kind: "ready" }
    | { kind: "progress"; fraction: number }
    | { kind: "processor"; reason: string }
    | { kind: "result"; result: IJobs[K]["result"] }
    | { kind: "error"; message: string };

/** What page and worker say to each other. The worker says when its script runs; it is then asked once, and ended after its answer. */
import type { IRefineInput, IRefineResult } from "../refineInput.js";

/** What the worker is asked. */
export type RefineRequest = IRefineInput;

/** What the worker says. */
export type RefineAnswer =
    | { kind: "ready" }
    | { kind: "progress"; fraction: number }
    | { kind: "processor"; reason: string }
    | { kind: "result"; result: IRefineResult }
    | { kind: "error"; message: string };

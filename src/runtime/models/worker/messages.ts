/** What page and worker say to each other. Each request has a number; its answer carries the same. */
import type { IExternalData, INetworkInput } from "../session.js";

/** Requests to the worker. "hello" asks whether its script runs, before large things are handed over. */
export type WorkerRequest =
    | { kind: "hello" }
    | {
          kind: "start";
          script: string;
          wasmPaths: { wasm: string; mjs: string };
          wasmBinary: ArrayBufferLike;
          threads: number;
      }
    | { kind: "create"; graph: Uint8Array; data: readonly IExternalData[] }
    /** Inputs are in memory. */
    | { kind: "run"; session: number; inputs: Readonly<Record<string, INetworkInput>> }
    | { kind: "release"; session: number };

/** What the worker answers: `create` a number for the session, `run` the outputs, the others nothing. */
export interface IWorkerAnswer {
    id: number;
    result?: number | Record<string, { data: Float32Array }>;
    /** Present if the request failed. */
    error?: string;
}

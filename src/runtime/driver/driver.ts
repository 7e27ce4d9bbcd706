/**
 * The driver at run time: the network that turns the pose of a face into its delta map (the paper's UNet, equation 7),
 * for as long as the face moves. All of it is in this folder; what the rest sees of it is {@link IDriver}: ask for a
 * pose, get a delta map, now or later. Nobody outside asks which way it runs. The story, in order:
 *
 * 1. `driverMaker.ts` chooses the way, once for a scene: our shaders on a graphics card, if they give the right
 *    numbers; ONNX Runtime everywhere else.
 * 2. `avatarEvaluator.ts`, one per avatar, takes an expression, poses the head, and then wants a run.
 * 3. `driverScheduler.ts` decides in each frame whose turn it is.
 * 4. The evaluator asks its driver for the pose (`driverPose.ts` makes the position map of it, where the driver wants
 *    it). There are two kinds of driver:
 *    - `frameDriver.ts` answers now: our own shaders, recorded into the frame. `onnxGraph.ts` reads the network's
 *      file, `lowerDriver.ts` makes a few fused steps of it, and `kernels/driverExecutor.ts` records those.
 *    - `onnxDriver.ts` answers later: ONNX Runtime, on the processor in a worker, or on WebGPU.
 * 5. The evaluator takes the delta map over, and blends into it where it comes more seldom than frames.
 *
 * The avatars of a person share one network (`sharedPart.ts`). `src/runtime/reference/driver.ts` computes the same in
 * plain TypeScript.
 */

/** Delta map `[14,H,W]` (docs/conventions.md, "Maps"): an array, or a buffer of the device. */
export type DeltaMap = Float32Array | GPUBuffer;

/** A head in a pose, as a driver sees it. */
export interface IDriverPose {
    /** Values of its position map `[3,P,P]`. */
    readonly positionCount: number;
    /** Computes the position map on the processor. @param into receives it @returns `into` */
    writePositionMap(into: Float32Array<ArrayBuffer>): Float32Array;
    /** Records the position map. @param into `[3,P,P]` f32, usage STORAGE and COPY_DST; receives it */
    recordPositionMap(encoder: GPUCommandEncoder, into: GPUBuffer): void;
}

/** From a pose to a delta map, for one avatar. */
export interface IDriver {
    /** Milliseconds from asking to the delta map, as far as is known; 0 before that. */
    readonly runMs: number;
    /** Milliseconds of these that a run takes from the page's frames: 0 in a worker. */
    readonly frameMs: number;
    /** Bytes of GPU memory held for this avatar alone. */
    readonly byteLength: number;
    /**
     * Evaluates the network: now, or later. Ask for one pose at a time; runs of avatars that share a network take turns.
     * @param pose borrowed until the answer is there
     * @returns the network's own delta map. One that comes now is overwritten by the next run, in queue order. One that
     * comes later is valid while the promise's own reactions run
     * @throws FlexAvatarError `disposed`, `invalid-argument`; or the promise rejects with it
     */
    run(pose: IDriverPose): DeltaMap | Promise<DeltaMap>;
    /**
     * Evaluates the network and waits for the GPU: for exports and refinement, not for frames.
     * @returns a delta map of the caller's
     */
    readAsync(pose: IDriverPose): Promise<Float32Array>;
    /** The same network for another avatar of the person. */
    share(): IDriver;
    /** Lets go of the network; with the last of those that share it, it is freed. May be called twice. */
    dispose(): void;
}

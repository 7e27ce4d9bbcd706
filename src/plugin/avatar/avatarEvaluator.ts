/**
 * What happens to one avatar when its expression or pose changes: head posed on the GPU at once, driver network kicked
 * without waiting, its delta map taken over when it arrives. Knows no scene.
 */
import type { ExpressionPose } from "../../flame/expression.js";
import { FlexAvatarError } from "../../flame/error.js";
import { CreatePositionMapScratch, PositionMap, type PositionMapScratch } from "../../flame/positionMap.js";
import type { IDriver } from "../../runtime/models/driver.js";
import type { IFrameDriver } from "../../runtime/models/frameDriver.js";
import { MapChannels } from "../../runtime/layout.js";
import type { ICloseUp } from "../../runtime/closeUp.js";
import { AvatarBuffers, type HeadBuffers, type SplatPipeline } from "../../runtime/passes/index.js";
import type { IScheduledDriver } from "./driverScheduler.js";
import { SharedDriver } from "./sharedDriver.js";

/** Delta maps that come more seldom than frames are blended into, over at most this time. */
const LongestBlendMs = 250;

const Unposed: AvatarBuffers[] = []; // scratch of PoseAll

/** Counts of one avatar, since it was made. */
export interface IEvaluatorCounts {
    /** Driver runs that have arrived. */
    driverRuns: number;
    /** Milliseconds from kick to arrival of the last driver run, waiting included. */
    driverMs: number;
}

/** Owns the avatar's GPU buffers and its driver. */
export class AvatarEvaluator implements IScheduledDriver {
    public readonly buffers: AvatarBuffers;
    /** Counts, for statistics. */
    public readonly counts: IEvaluatorCounts = { driverRuns: 0, driverMs: 0 };
    /** Told when a driver run fails. The avatar goes on without new deltas. */
    public onDriverError: ((error: unknown) => void) | null = null;
    private readonly _positionArray: Float32Array | null = null;
    private readonly _positionBuffer: GPUBuffer | null = null;
    private readonly _scratch: PositionMapScratch | null = null;
    private _revision = 1;
    /** Grows with each new expression. */
    private _wanted = 0;
    /** The expression whose delta map is uploaded. */
    private _evaluated = 0;
    private _inFlight: Promise<void> | null = null;
    private _failed = false;
    private _startedAt = -Infinity;
    private _arrivedAt = -Infinity;
    /** Calls of {@link continue} since the newest delta map came. */
    private _framesSince = 0;
    /** Length of the running blend from the previous delta map to the newest, 0 when it is over. */
    private _blendMs = 0;
    private readonly _pose: ExpressionPose;
    private readonly _driver: SharedDriver | null;

    /**
     * @param pipeline borrowed
     * @param head borrowed; must outlive the evaluator
     * @param maps the static map [14,H,W], copied; or an avatar that shares its own
     * @param driver owned from now on, or null for an avatar that keeps its static map
     */
    public constructor(
        public readonly pipeline: SplatPipeline,
        head: HeadBuffers,
        maps: Float32Array<ArrayBuffer> | AvatarBuffers,
        driver: IDriver | IFrameDriver | SharedDriver | null,
    ) {
        this._driver = driver && (driver instanceof SharedDriver ? driver : new SharedDriver(driver));
        const { device } = pipeline;
        if (maps instanceof AvatarBuffers) {
            this.buffers = new AvatarBuffers(device, head, maps);
        } else {
            this.buffers = new AvatarBuffers(device, head);
            this.buffers.setStaticMap(maps);
        }
        this._pose = { expression: new Float32Array(head.model.expressionCount), pose: new Float32Array(15) };
        const positionCount = 3 * head.positionTable.mapSize ** 2;
        if (this._driver && this._driver.network.backend !== "wasm") {
            this._positionBuffer = device.createBuffer({
                label: "avatar.positionMap",
                size: 4 * positionCount,
                usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
            });
        } else if (this._driver) {
            this._positionArray = new Float32Array(positionCount);
            this._scratch = CreatePositionMapScratch(head.model);
        }
    }

    public get gaussianCount(): number {
        return this.buffers.gaussianCount;
    }

    /** Bytes of GPU memory held; what instances share is divided among them. */
    public get byteLength(): number {
        return this.buffers.byteLength + (this._positionBuffer?.size ?? 0);
    }

    /** Bytes of GPU memory held outside of the head's shared buffers. */
    public get ownByteLength(): number {
        return this.buffers.params.size + (this._positionBuffer?.size ?? 0);
    }

    /** Changes whenever a prepared view is out of date. */
    public get revision(): number {
        return this._revision;
    }

    /**
     * An evaluator for another avatar of the same person: static map and driver are shared; expression and delta maps
     * are its own.
     */
    public createInstance(): AvatarEvaluator {
        return new AvatarEvaluator(this.pipeline, this.buffers.head, this.buffers, this._driver?.share() ?? null);
    }

    /**
     * Poses the heads whose expression was set since they were last posed: one dispatch for all that share a head model
     * and a pipeline.
     */
    public static PoseAll(evaluators: readonly AvatarEvaluator[]): void {
        let pipeline: SplatPipeline | null = null;
        for (const evaluator of evaluators) {
            if (!evaluator.buffers.isPosed) {
                Unposed.push(evaluator.buffers);
                pipeline = evaluator.pipeline;
            }
        }
        if (pipeline) {
            const encoder = pipeline.device.createCommandEncoder({ label: "poseVertices" });
            pipeline.poseVertices(encoder, Unposed);
            pipeline.device.queue.submit([encoder.finish()]);
            Unposed.length = 0;
        }
    }

    /**
     * Takes a new expression. {@link PoseAll} poses the head, and the driver follows in {@link continue}.
     * @param expressionPose read, not kept
     */
    public setExpression(expressionPose: ExpressionPose): void {
        this._pose.expression.set(expressionPose.expression);
        this._pose.pose.set(expressionPose.pose);
        this._wanted++;
        this._revision++;
        this.buffers.setExpression(this._pose);
    }

    /** Replaces the Gaussians at rest. @param staticMap [14,H,W]; copied */
    public setStaticMap(staticMap: Float32Array<ArrayBuffer>): void {
        this.buffers.setStaticMap(staticMap);
        this._revision++;
    }

    /**
     * Shows new colors at rest.
     * @param staticMap [14,H,W], the map in use but for its channels 4 to 6; copied. Null if an avatar that shares the
     * map has taken them already
     */
    public setColors(staticMap: Float32Array<ArrayBuffer> | null): void {
        if (staticMap) {
            this.buffers.setColors(staticMap);
        }
        this._revision++;
    }

    /** Shows detail for close-ups, 0..1 of it, on all avatars that share the map. @param closeUp kept; null for none */
    public setCloseUp(closeUp: ICloseUp | null, strength: number): void {
        this.buffers.setCloseUp(closeUp, strength);
        this._revision++;
    }

    public get wantsRun(): boolean {
        return (
            this._driver !== null &&
            !this._inFlight &&
            !this._failed &&
            this._evaluated !== this._wanted &&
            !this.buffers.isDisposed
        );
    }

    public get isRunning(): boolean {
        return this._inFlight !== null;
    }

    public get frameMs(): number {
        return this._driver?.network.holdsFrame === false ? 0 : this.runMs;
    }

    public get runMs(): number {
        const network = this._driver?.network;
        return network?.backend === "shaders" ? network.runMs : this.counts.driverMs;
    }

    public get startedAt(): number {
        return this._startedAt;
    }

    public get endedAt(): number {
        return this._arrivedAt;
    }

    /**
     * Blends delta maps that come more seldom than frames. Call once per frame; runs are started by the component's
     * `DriverScheduler`.
     */
    public continue(): void {
        this._framesSince++;
        if (this._blendMs > 0) {
            const blend = Math.min(1, (performance.now() - this._arrivedAt) / this._blendMs);
            this.buffers.deltaBlend = blend;
            this._revision++;
            if (blend === 1) {
                this._blendMs = 0;
            }
        }
    }

    /**
     * Waits until the delta map of the expression set last is uploaded.
     * @throws whatever the driver threw
     */
    public async evaluateAsync(): Promise<void> {
        while (this._driver && this._evaluated !== this._wanted) {
            this.startRun();
            const run = this._inFlight;
            if (!run && !this._failed && this._evaluated === this._wanted) {
                break; // recorded in the frame
            }
            await run;
            if (this.buffers.isDisposed) {
                throw new FlexAvatarError("disposed", "The avatar was disposed while it was evaluated.");
            }
            if (this._failed) {
                throw new FlexAvatarError(
                    "models-mismatch",
                    "The driver network failed; see the avatar's notice for the cause.",
                );
            }
        }
        if (this._blendMs > 0) {
            this._blendMs = 0;
            this.buffers.deltaBlend = 1;
            this._revision++;
        }
    }

    /**
     * The delta map of the expression set last, [14,H,W], or null without a working driver. It runs the network once
     * more and waits for the GPU: for exports, not for frames.
     */
    public async readDeltaMapAsync(): Promise<Float32Array | null> {
        await this.evaluateAsync();
        return this._driver && (await this._readAsync(this._driver, (encoder) => this._currentInput(encoder)));
    }

    /**
     * The delta map of any expression, [14,H,W], or null without a driver. What is shown does not change; waits for
     * runs that are under way.
     * @param expressionPose read, not kept
     * @throws whatever the driver throws
     */
    public async deltaMapOfAsync(expressionPose: ExpressionPose): Promise<Float32Array | null> {
        if (!this._driver) {
            return null;
        }
        const { head } = this.buffers;
        const positions = new Float32Array(3 * head.positionTable.mapSize ** 2);
        PositionMap(head.model, head.positionTable, expressionPose, positions);
        if (this._positionArray) {
            return await this._readAsync(this._driver, () => positions);
        }
        const buffer = this.pipeline.device.createBuffer({
            label: "avatar.otherPositionMap",
            size: positions.byteLength,
            usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
        });
        try {
            this.pipeline.device.queue.writeBuffer(buffer, 0, positions);
            return await this._readAsync(this._driver, () => buffer);
        } finally {
            buffer.destroy();
        }
    }

    /** Runs the network and waits for the GPU: for exports and refinement, not for frames. */
    private async _readAsync(
        driver: SharedDriver,
        inputOf: (encoder: GPUCommandEncoder) => Float32Array | GPUBuffer,
    ): Promise<Float32Array> {
        const { network } = driver;
        const { device } = this.pipeline;
        const encoder = device.createCommandEncoder({ label: "readDeltaMap" });
        const input = inputOf(encoder);
        const map =
            network.backend === "shaders"
                ? network.encode(encoder, input as GPUBuffer)
                : await driver.run(network, input);
        if (map instanceof Float32Array) {
            return map.slice();
        }
        const byteLength = 4 * MapChannels * this.buffers.head.table.mapSize ** 2;
        const staging = device.createBuffer({
            size: byteLength,
            usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
        });
        try {
            encoder.copyBufferToBuffer(map, 0, staging, 0, byteLength);
            device.queue.submit([encoder.finish()]);
            await staging.mapAsync(GPUMapMode.READ);
            return new Float32Array(staging.getMappedRange().slice(0));
        } finally {
            staging.destroy();
        }
    }

    /** Destroys buffers and driver. May be called twice. */
    public dispose(): void {
        this.onDriverError = null;
        this.buffers.dispose();
        this._positionBuffer?.destroy();
        this._driver?.dispose();
    }

    /**
     * Evaluates the expression set last: at once with our shaders, else a promise later. Does nothing if no run is
     * wanted.
     */
    public startRun(): void {
        if (!this.wantsRun || !this._driver) {
            return;
        }
        this._startedAt = performance.now();
        const { network } = this._driver;
        if (network.backend === "shaders") {
            this._record(network);
        } else {
            this._kick(this._driver, network);
        }
    }

    private _record(driver: IFrameDriver): void {
        const encoder = this.pipeline.device.createCommandEncoder();
        const deltaMap = driver.encode(encoder, this._recordPositionMap(encoder));
        this.pipeline.device.queue.submit([encoder.finish()]);
        this._takeDeltaMap(deltaMap, driver.runMs);
        this._evaluated = this._wanted;
    }

    private _kick(driver: SharedDriver, network: IDriver): void {
        const evaluating = this._wanted;
        const start = this._startedAt;
        this._inFlight = driver.run(network, this._positionMap()).then(
            (deltaMap) => {
                this._inFlight = null;
                if (!this.buffers.isDisposed) {
                    this._takeDeltaMap(deltaMap, performance.now() - start);
                    this._evaluated = evaluating;
                }
            },
            (error: unknown) => {
                this._inFlight = null;
                if (!this.buffers.isDisposed) {
                    this._failed = true; // once is enough: it would fail the same way each frame
                    this.onDriverError?.(error);
                }
            },
        );
    }

    private _takeDeltaMap(deltaMap: Float32Array | GPUBuffer, runMs: number): void {
        const now = performance.now();
        const interval = now - this._arrivedAt;
        this._arrivedAt = now;
        // A first map, or one after a long rest of the face, has nothing to blend from that was seen a moment ago.
        this._blendMs = this._framesSince > 1 && interval < 4 * LongestBlendMs ? Math.min(interval, LongestBlendMs) : 0;
        this._framesSince = 0;
        this.buffers.setDeltaMap(deltaMap as Float32Array<ArrayBuffer> | GPUBuffer);
        this.buffers.deltaBlend = this._blendMs > 0 ? 0 : 1;
        this._revision++;
        this.counts.driverRuns++;
        this.counts.driverMs = runMs;
    }

    /** The driver borrows its input until it answers, and one run is in flight at most, so one map is enough. */
    private _positionMap(): Float32Array | GPUBuffer {
        const { head } = this.buffers;
        if (this._positionArray) {
            return PositionMap(head.model, head.positionTable, this._pose, this._positionArray, this._scratch!);
        }
        const encoder = this.pipeline.device.createCommandEncoder();
        this._recordPositionMap(encoder);
        this.pipeline.device.queue.submit([encoder.finish()]);
        return this._positionBuffer!;
    }

    /** The driver's input for the expression set last. */
    private _currentInput(encoder: GPUCommandEncoder): Float32Array | GPUBuffer {
        return this._driver?.network.backend === "shaders" ? this._recordPositionMap(encoder) : this._positionMap();
    }

    private _recordPositionMap(encoder: GPUCommandEncoder): GPUBuffer {
        if (!this.buffers.isPosed) {
            this.pipeline.poseVertices(encoder, this.buffers);
        }
        this.pipeline.positionMap(encoder, this.buffers, this._positionBuffer!);
        return this._positionBuffer!;
    }
}

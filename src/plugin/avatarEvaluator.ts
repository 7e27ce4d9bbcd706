/**
 * What happens to one avatar when its expression or pose changes: head posed on the GPU at once, driver network kicked without waiting,
 * its delta map taken over when it arrives. Knows no scene.
 */
import type { ExpressionPose } from "../flame/expression";
import { FlexAvatarError } from "../flame/error";
import { CreatePositionMapScratch, PositionMap, type PositionMapScratch } from "../flame/positionMap";
import type { IDriver } from "../runtime/models/driver";
import type { IFrameDriver } from "../runtime/models/frameDriver";
import { AvatarBuffers, ViewBuffers, type HeadBuffers, type IPosedBounds, type IViewSettings, type SplatPipeline } from "../runtime/passes";
import type { IScheduledDriver } from "./driverScheduler";
import type { ISplatSource } from "./splatMesh";

/** Delta maps that come more seldom than frames are blended into, over at most this time. */
const LongestBlendMs = 250;

/** Counts of one avatar, since it was made. */
export interface IEvaluatorCounts {
    /** Compute dispatches submitted. */
    dispatches: number;
    /** Driver runs that have arrived. */
    driverRuns: number;
    /** Milliseconds from kick to arrival of the last driver run, waiting included. */
    driverMs: number;
}

/** Owns the avatar's GPU buffers and its driver. */
export class AvatarEvaluator implements ISplatSource, IScheduledDriver {
    public readonly buffers: AvatarBuffers;
    /** Counts, for statistics. */
    public readonly counts: IEvaluatorCounts = { dispatches: 0, driverRuns: 0, driverMs: 0 };
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

    /**
     * @param _pipeline borrowed
     * @param head borrowed; must outlive the evaluator
     * @param staticMap [14,H,W]; copied
     * @param _driver owned from now on, or null for an avatar that keeps its static map
     */
    public constructor(
        private readonly _pipeline: SplatPipeline,
        head: HeadBuffers,
        staticMap: Float32Array<ArrayBuffer>,
        private readonly _driver: IDriver | IFrameDriver | null,
    ) {
        const { device } = _pipeline;
        this.buffers = new AvatarBuffers(device, head);
        this.buffers.setStaticMap(staticMap);
        this._pose = { expression: new Float32Array(head.model.expressionCount), pose: new Float32Array(15) };
        const positionCount = 3 * head.positionTable.mapSize ** 2;
        if (_driver && _driver.backend !== "wasm") {
            this._positionBuffer = device.createBuffer({
                label: "avatar.positionMap",
                size: 4 * positionCount,
                usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
            });
        } else if (_driver) {
            this._positionArray = new Float32Array(positionCount);
            this._scratch = CreatePositionMapScratch(head.model);
        }
    }

    public get gaussianCount(): number {
        return this.buffers.gaussianCount;
    }

    public get bounds(): IPosedBounds {
        return this.buffers.bounds;
    }

    public get revision(): number {
        return this._revision;
    }

    public createView(): ViewBuffers {
        return new ViewBuffers(this._pipeline.device, this.gaussianCount);
    }

    public prepareView(view: ViewBuffers, settings: IViewSettings): void {
        const encoder = this._pipeline.device.createCommandEncoder();
        this._pipeline.prepareView(encoder, this.buffers, view, settings);
        this._pipeline.device.queue.submit([encoder.finish()]);
        this.counts.dispatches += 1 + this._pipeline.sorter.dispatchCount;
    }

    /**
     * Poses the head. The driver follows in {@link continue}.
     * @param expressionPose read, not kept
     */
    public setExpression(expressionPose: ExpressionPose): void {
        this._pose.expression.set(expressionPose.expression);
        this._pose.pose.set(expressionPose.pose);
        this._wanted++;
        this._revision++;
        this.buffers.setExpression(this._pose);
        const encoder = this._pipeline.device.createCommandEncoder();
        this._pipeline.poseVertices(encoder, this.buffers);
        this._pipeline.device.queue.submit([encoder.finish()]);
        this.counts.dispatches++;
    }

    /** Replaces the Gaussians at rest. @param staticMap [14,H,W]; copied */
    public setStaticMap(staticMap: Float32Array<ArrayBuffer>): void {
        this.buffers.setStaticMap(staticMap);
        this._revision++;
    }

    public get wantsRun(): boolean {
        return this._driver !== null && !this._inFlight && !this._failed && this._evaluated !== this._wanted && !this.buffers.isDisposed;
    }

    public get isRunning(): boolean {
        return this._inFlight !== null;
    }

    public get frameMs(): number {
        return this._driver?.holdsFrame === false ? 0 : this.runMs;
    }

    public get runMs(): number {
        return this._driver?.backend === "shaders" ? this._driver.runMs : this.counts.driverMs;
    }

    public get startedAt(): number {
        return this._startedAt;
    }

    public get endedAt(): number {
        return this._arrivedAt;
    }

    /** Blends delta maps that come more seldom than frames. Call once per frame; runs are started by the component's `DriverScheduler`. */
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
                throw new FlexAvatarError("models-mismatch", "The driver network failed; see the avatar's notice for the cause.");
            }
        }
        if (this._blendMs > 0) {
            this._blendMs = 0;
            this.buffers.deltaBlend = 1;
            this._revision++;
        }
    }

    /** Destroys buffers and driver. May be called twice. */
    public dispose(): void {
        this.onDriverError = null;
        this.buffers.dispose();
        this._positionBuffer?.destroy();
        this._driver?.dispose();
    }

    /** Evaluates the expression set last: at once with our shaders, else a promise later. Does nothing if no run is wanted. */
    public startRun(): void {
        if (!this.wantsRun || !this._driver) {
            return;
        }
        this._startedAt = performance.now();
        if (this._driver.backend === "shaders") {
            this._record(this._driver);
        } else {
            this._kick(this._driver);
        }
    }

    private _record(driver: IFrameDriver): void {
        const encoder = this._pipeline.device.createCommandEncoder();
        this._pipeline.positionMap(encoder, this.buffers, this._positionBuffer!);
        const deltaMap = driver.encode(encoder, this._positionBuffer!);
        this._pipeline.device.queue.submit([encoder.finish()]);
        this.counts.dispatches += 1 + driver.dispatches;
        this._takeDeltaMap(deltaMap, driver.runMs);
        this._evaluated = this._wanted;
    }

    private _kick(driver: IDriver): void {
        const evaluating = this._wanted;
        const start = this._startedAt;
        this._inFlight = driver.run(this._positionMap()).then(
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
        const encoder = this._pipeline.device.createCommandEncoder();
        this._pipeline.positionMap(encoder, this.buffers, this._positionBuffer!);
        this._pipeline.device.queue.submit([encoder.finish()]);
        this.counts.dispatches++;
        return this._positionBuffer!;
    }
}

/**
 * What happens to one avatar when its expression or pose changes: its head is posed on the GPU at once, its driver is
 * asked when the scheduler says so, and the delta map is taken over when it is there. Knows no scene.
 */
import { FlexAvatarError } from "../../flame/error.js";
import type { ExpressionPose } from "../../flame/expression.js";
import type { ICloseUp } from "../closeUp.js";
import { AvatarBuffers, Submit, type HeadBuffers, type SplatPipeline } from "../passes/index.js";
import type { DeltaMap, IDriver } from "./driver.js";
import { OtherPose, ShownPose } from "./driverPose.js";
import type { IScheduledDriver } from "./driverScheduler.js";

/** Delta maps that come more seldom than frames are blended into, over at most this time. */
const LongestBlendMs = 250;

const Unposed: AvatarBuffers[] = []; // scratch of PoseAll
const PoseDescriptor: GPUCommandEncoderDescriptor = { label: "poseVertices" };

/** Counts of one avatar, since it was made. */
export interface IEvaluatorCounts {
    /** Driver runs that have arrived. */
    driverRuns: number;
    /** Milliseconds from asking to the delta map of the last driver run, waiting included. */
    driverMs: number;
}

/** Owns the avatar's GPU buffers and its driver. */
export class AvatarEvaluator implements IScheduledDriver {
    public readonly buffers: AvatarBuffers;
    /** Counts, for statistics. */
    public readonly counts: IEvaluatorCounts = { driverRuns: 0, driverMs: 0 };
    /** Told when a driver run fails. The avatar goes on without new deltas. */
    public onDriverError: ((error: unknown) => void) | null = null;
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
    private readonly _shown: ShownPose;

    /**
     * @param pipeline borrowed
     * @param head borrowed; must outlive the evaluator
     * @param maps the static map [14,H,W], copied; or an avatar that shares its own
     * @param _driver owned from now on, or null for an avatar that keeps its static map
     */
    public constructor(
        public readonly pipeline: SplatPipeline,
        head: HeadBuffers,
        maps: Float32Array<ArrayBuffer> | AvatarBuffers,
        private readonly _driver: IDriver | null,
    ) {
        const { device } = pipeline;
        if (maps instanceof AvatarBuffers) {
            this.buffers = new AvatarBuffers(device, head, maps);
        } else {
            this.buffers = new AvatarBuffers(device, head);
            this.buffers.setStaticMap(maps);
        }
        this._pose = { expression: new Float32Array(head.model.expressionCount), pose: new Float32Array(15) };
        this._shown = new ShownPose(pipeline, this.buffers, this._pose);
    }

    public get gaussianCount(): number {
        return this.buffers.gaussianCount;
    }

    /** Bytes of GPU memory held; what instances share is divided among them. */
    public get byteLength(): number {
        return this.buffers.byteLength + (this._driver?.byteLength ?? 0);
    }

    /** Bytes of GPU memory held outside of the head's shared buffers. */
    public get ownByteLength(): number {
        return this.buffers.params.size + (this._driver?.byteLength ?? 0);
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
        for (let index = 0; index < evaluators.length; index++) {
            const { buffers } = evaluators[index];
            if (!buffers.isPosed) {
                Unposed.push(buffers);
                pipeline = evaluators[index].pipeline;
            }
        }
        if (pipeline) {
            const encoder = pipeline.device.createCommandEncoder(PoseDescriptor);
            pipeline.poseVertices(encoder, Unposed);
            Submit(pipeline.device, encoder);
            while (Unposed.length > 0) {
                Unposed.pop(); // unlike a length of 0, this keeps the room
            }
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

    /** Leaves out what something else hides, on all avatars that share the map. @param covered as in `AvatarBuffers` */
    public setCovered(covered: Uint8Array | null): void {
        if (this.buffers.setCovered(covered)) {
            this._revision++;
        }
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
        return this._driver?.frameMs ?? 0;
    }

    public get runMs(): number {
        return this._driver?.runMs ?? 0;
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
        return this._driver && (await this._driver.readAsync(this._shown));
    }

    /**
     * The delta map of any expression, [14,H,W], or null without a driver. What is shown does not change; waits for
     * runs that are under way.
     * @param expressionPose read, not kept
     * @throws whatever the driver throws
     */
    public async deltaMapOfAsync(expressionPose: ExpressionPose): Promise<Float32Array | null> {
        const other = new OtherPose(this.buffers.head, expressionPose, this.pipeline.device);
        return this._driver && (await this._driver.readAsync(other));
    }

    /** Destroys buffers and driver. May be called twice. */
    public dispose(): void {
        this.onDriverError = null;
        this.buffers.dispose();
        this._driver?.dispose();
    }

    /** Asks the driver for the expression set last. Does nothing if no run is wanted. */
    public startRun(): void {
        if (!this.wantsRun || !this._driver) {
            return;
        }
        this._startedAt = performance.now();
        const asked = this._wanted;
        const answer = this._driver.run(this._shown);
        if (answer instanceof Promise) {
            this._inFlight = this._awaitAsync(answer, asked);
        } else {
            this._takeDeltaMap(answer, asked);
        }
    }

    private _awaitAsync(answer: Promise<DeltaMap>, asked: number): Promise<void> {
        return answer.then(
            (deltaMap) => {
                this._inFlight = null;
                if (!this.buffers.isDisposed) {
                    this._takeDeltaMap(deltaMap, asked);
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

    /** @param asked the expression that it answers */
    private _takeDeltaMap(deltaMap: DeltaMap, asked: number): void {
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
        this.counts.driverMs = this.runMs;
        this._evaluated = asked;
    }
}

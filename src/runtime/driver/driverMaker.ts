/**
 * Which way the driver runs, chosen once for a scene, and the making of one per person: our shaders, where the settings
 * and the device allow it and the shaders give the right numbers; ONNX Runtime otherwise.
 */
import { ThrowIfAborted } from "../../flame/error.js";
import { OrAborted } from "../models/abort.js";
import { MessageOf } from "../models/loadFailure.js";
import type { IGraphEntry } from "../models/manifest.js";
import type { ICallOptions } from "../models/progress.js";
import type { IModelRuntimeSettings } from "../models/runtimeSettings.js";
import type { IExternalData, INetworkSession, IOnnxBackend } from "../models/session.js";
import { IsSoftwareDevice } from "../softwareDevice.js";
import type { IDriver } from "./driver.js";
import { FrameDriverFactory } from "./frameDriver.js";
import { OnnxDriver, OnnxPerson } from "./onnxDriver.js";
import { SharedPart } from "./sharedPart.js";

/** The driver network, as its owner (`ModelRuntime`) lends it. */
export interface IDriverNetwork {
    readonly entry: IGraphEntry;
    /** The files of the graph. */
    loadAsync(options: ICallOptions): Promise<[Uint8Array, IExternalData[]]>;
    /** The graph in ONNX Runtime. */
    sessionAsync(options: ICallOptions): Promise<{ session: INetworkSession; backend: IOnnxBackend }>;
    /** Told that it was compiled, and how long that took. */
    onCreated(milliseconds: number): void;
    /** Told of each run outside of the frame. */
    readonly onRun: (milliseconds: number) => void;
    throwIfDisposed(): void;
}

/** One per `ModelRuntime`. */
export class DriverMaker {
    private readonly _persons = new Set<OnnxPerson>();
    private _shaders: Promise<FrameDriverFactory | null> | null = null;

    /** @param _network borrowed */
    public constructor(
        private readonly _settings: Pick<IModelRuntimeSettings, "device" | "driver" | "backend" | "onNotice">,
        private readonly _network: IDriverNetwork,
    ) {}

    /** Shaders are only fetched: making them measures them, and that wants the GPU for itself. */
    public async prepareAsync(options: ICallOptions): Promise<void> {
        await (this._wantsShaders ? this._network.loadAsync(options) : this._network.sessionAsync(options));
    }

    /**
     * Makes the driver of a person, held by its first avatar.
     * @param identityFeatures `[C,h,w]`, copied
     */
    public async createAsync(identityFeatures: Float32Array, options: ICallOptions): Promise<IDriver> {
        const shaders = await this._shadersAsync(options);
        if (shaders) {
            return shaders.createDriver(identityFeatures);
        }
        const { session, backend } = await this._network.sessionAsync(options);
        ThrowIfAborted(options.signal, "making the driver");
        const { inputs, outputs } = this._network.entry;
        const shapes = { identity: inputs.identity_features, position: inputs.position_map, delta: outputs.delta_map };
        const person = new OnnxPerson(backend, session, identityFeatures, shapes, this._network.onRun);
        this._persons.add(person);
        return new OnnxDriver(new SharedPart(person, () => this._persons.delete(person)));
    }

    /** Drivers become useless. May be called twice. */
    public dispose(): void {
        for (const person of this._persons) {
            person.dispose();
        }
        this._shaders?.then(
            (factory) => factory?.dispose(),
            () => undefined,
        );
    }

    private get _wantsShaders(): boolean {
        const { device, driver = "auto", backend = "auto" } = this._settings;
        return (
            device !== undefined &&
            (driver === "shaders" || (driver === "auto" && backend !== "wasm" && !IsSoftwareDevice(device)))
        );
    }

    /** The shaders, made once; null where ONNX Runtime runs the network. */
    private async _shadersAsync({ signal, onProgress }: ICallOptions): Promise<FrameDriverFactory | null> {
        this._network.throwIfDisposed();
        if (!this._wantsShaders) {
            return null;
        }
        const { device, driver, onNotice } = this._settings;
        const [graph, data] = await this._network.loadAsync({ signal, onProgress });
        this._network.throwIfDisposed();
        if (this._shaders === null) {
            const start = performance.now();
            const making = FrameDriverFactory.CreateAsync(device!, this._network.entry, graph, data);
            this._shaders = making.catch((error: unknown) => {
                if (driver === "shaders") {
                    this._shaders = null;
                    throw error;
                }
                onNotice?.({
                    code: "driver-onnx",
                    message: `ONNX Runtime runs the driver network, because ${MessageOf(error)}`,
                });
                return null;
            });
            making.then(
                () => this._network.onCreated(performance.now() - start),
                () => undefined,
            );
        }
        const factory = await OrAborted(this._shaders, signal, "preparing driver");
        this._network.throwIfDisposed();
        return factory;
    }
}

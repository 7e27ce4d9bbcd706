/** A small Babylon scene on WebGPU with a synthetic avatar, and pictures of it. */
import "@babylonjs/core/Engines/AbstractEngine/abstractEngine.texture";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreateBox } from "@babylonjs/core/Meshes/Builders/boxBuilder";
import type { Mesh } from "@babylonjs/core/Meshes/mesh";
import { Scene } from "@babylonjs/core/scene";
import type { TexelTable } from "../../src/flame/texelTable";
import type { HeadModel } from "../../src/flame/headModel";
import { AvatarEvaluator } from "../../src/runtime/driver/avatarEvaluator";
import type { FlexAvatar } from "../../src/plugin/avatar/flexAvatar";
import { FlexAvatarComponent } from "../../src/plugin/flexAvatarComponent";
import type { IAvatarFile } from "../../src/runtime/format/avatarFile";
import type { IDriver } from "../../src/runtime/driver/driver";
import { OnnxDriver, OnnxPerson } from "../../src/runtime/driver/onnxDriver";
import { SharedPart } from "../../src/runtime/driver/sharedPart";
import type { INetworkSession, IOnnxBackend } from "../../src/runtime/models/session";
import { HeadBuffers } from "../../src/runtime/passes";
import { Random } from "./gpu";
import { RandomStaticMap, SyntheticTables } from "./syntheticHead";
import { GiveEngineBack, PipelineOf, TakeEngineAsync } from "./enginePool";

/** Edge of the canvas in pixels. */
export const CanvasPx = 128;
/** Texels per side of the synthetic avatar's maps. */
export const MapSize = 48;
/** Edge of the position maps. */
const PositionSize = 16;

export interface IStage {
    engine: WebGPUEngine;
    scene: Scene;
    camera: FreeCamera;
    canvas: HTMLCanvasElement;
    component: FlexAvatarComponent;
    /** WebGPU errors so far. */
    errors: string[];
    /** What avatars with the same texel table share. */
    heads: Map<TexelTable, HeadBuffers>;
    dispose(): void;
}

/** A scene on an engine of the pool, a camera in front of where a face at the origin looks, and the component. */
export async function CreateStageAsync({ samples = 1, rightHanded = false } = {}): Promise<IStage> {
    const pooled = await TakeEngineAsync(samples, CanvasPx);
    const { engine, canvas, errors } = pooled;
    const device = engine._device as GPUDevice;
    const scene = new Scene(engine);
    scene.useRightHandedSystem = rightHanded;
    scene.clearColor = new Color4(0, 0, 0, 1);
    const camera = new FreeCamera("camera", new Vector3(0, 0, 0.6), scene);
    camera.setTarget(Vector3.Zero());
    camera.fov = 0.6;
    camera.minZ = 0.05;
    camera.maxZ = 20;
    const component = FlexAvatarComponent.GetOrCreate(scene);
    const heads = new Map<TexelTable, HeadBuffers>();
    return {
        engine,
        scene,
        camera,
        canvas,
        component,
        errors,
        heads,
        dispose: () => {
            scene.dispose();
            heads.forEach((buffers) => buffers.dispose());
            GiveEngineBack(samples, device, pooled);
        },
    };
}

/** What a synthetic avatar is made of, for the reference. */
export interface ISynthetic extends ReturnType<typeof SyntheticTables> {
    staticMap: Float32Array<ArrayBuffer>;
}

/** Always the same head and static map. */
export function MakeSynthetic(seed = 7): ISynthetic {
    const random = Random(seed);
    const tables = SyntheticTables(random, MapSize, PositionSize);
    return { ...tables, staticMap: RandomStaticMap(MapSize, random) };
}

/** A driver in ONNX Runtime that answers with a map made from its input, some tasks later. */
export class FakeDriver extends OnnxDriver {
    private readonly _log: { runs: number; disposed: boolean };

    public constructor(deltaFor: (positionMap: Float32Array, run: number) => Float32Array, milliseconds = 5) {
        const log = { runs: 0, disposed: false };
        const session: INetworkSession = {
            run: async ({ position_map: { data } }) => {
                const delta = deltaFor(data as Float32Array, ++log.runs);
                await new Promise((resolve) => setTimeout(resolve, milliseconds));
                return { delta_map: { data: delta, dispose: () => undefined } };
            },
            release: async () => undefined,
        };
        const onnx = { name: "wasm", device: undefined, inWorker: false } as unknown as IOnnxBackend;
        const shapes = {
            identity: [0],
            position: [1, 3, PositionSize, PositionSize],
            delta: [1, 14, MapSize, MapSize],
        };
        const person = new OnnxPerson(onnx, session, new Float32Array(), shapes, () => undefined);
        super(new SharedPart(person, () => (log.disposed = true)));
        this._log = log;
    }

    public get runs(): number {
        return this._log.runs;
    }

    /** Whether all avatars have let go. */
    public get disposed(): boolean {
        return this._log.disposed;
    }
}

/** Puts a synthetic avatar into the scene, without networks. */
export async function AddAvatarAsync(
    stage: IStage,
    synthetic: ISynthetic,
    { name = "ada", driver = null as IDriver | null } = {},
): Promise<FlexAvatar> {
    const device = stage.engine._device as GPUDevice;
    const pipeline = await PipelineOf(device);
    const buffers =
        stage.heads.get(synthetic.table) ??
        new HeadBuffers(device, synthetic.model, synthetic.table, synthetic.positionTable);
    stage.heads.set(synthetic.table, buffers);
    const evaluator = new AvatarEvaluator(pipeline, buffers, synthetic.staticMap, driver);
    const avatar = stage.component["_add"](
        { head: synthetic.model, evaluator, body: null, file: MakeFile(name, synthetic) },
        name,
        undefined,
    );
    await avatar.whenReadyAsync();
    return avatar;
}

function MakeFile(name: string, { staticMap }: { staticMap: Float32Array; model: HeadModel }): IAvatarFile {
    return {
        name,
        headModel: { name: "synthetic", sha256: "0".repeat(64) },
        model: { name: "none", step: 0 },
        mapSize: MapSize,
        staticMap,
        identityFeatures: new Float32Array(4),
        identityShape: [1, 2, 2],
        fit: { shape: new Float32Array(1), photos: [] },
        provenance: "a test",
        license: "Apache-2.0",
        consent: "",
    };
}

/** A box that needs no light. */
export function AddBox(scene: Scene, name: string, color: Color3, size: number, position: Vector3): Mesh {
    const box = CreateBox(name, { size }, scene);
    const material = new StandardMaterial(name, scene);
    material.emissiveColor = color;
    material.disableLighting = true;
    box.material = material;
    box.position.copyFrom(position);
    return box;
}

/** One frame, nothing read. */
export function RenderFrame({ engine, scene }: IStage): void {
    engine.beginFrame();
    scene.render();
    engine.endFrame();
}

/** Waits until everything compiled, renders, and returns the canvas as PNG. */
export async function CaptureAsync(stage: IStage): Promise<string> {
    await stage.scene.whenReadyAsync();
    for (let frame = 0; frame < 3; frame++) {
        RenderFrame(stage);
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    RenderFrame(stage);
    return stage.canvas.toDataURL(); // in the same task as the end of the frame
}

/** Pixels of a PNG, RGBA bytes, row 0 at the top. */
export async function PixelsAsync(url: string): Promise<Uint8ClampedArray> {
    const image = new Image();
    image.src = url;
    await image.decode();
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true })!;
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height).data;
}

/** Color of a pixel, 0..255. */
export function ColorAt(pixels: ArrayLike<number>, x: number, y: number): [number, number, number] {
    const at = 4 * (y * CanvasPx + x);
    return [pixels[at], pixels[at + 1], pixels[at + 2]];
}

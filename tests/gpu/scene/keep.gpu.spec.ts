// What was right from the first and must stay so: frozen scenes, odd views and sizes, gaps in time, far places, and
// lives one after the other.
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { PerformanceConfigurator } from "@babylonjs/core/Engines/performanceConfigurator";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Matrix, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Viewport } from "@babylonjs/core/Maths/math.viewport";
import { Scene, ScenePerformancePriority } from "@babylonjs/core/scene";
import { FlexAvatarComponent } from "../../../src/plugin/flexAvatarComponent";
import {
    AddAvatarAsync,
    AddBox,
    CanvasPx,
    CreateStageAsync,
    FakeDriver,
    MakeSynthetic,
    RenderFrame,
    type IStage,
} from "../../support/stage";
import { FakeServicesAsync } from "../../support/fakeNetworks";
import { WatchDevice } from "../../support/watchDevice";
import { Psnr } from "../../support/gpu";
import { Compare, ExpectAlike, Lit, ShootAsync } from "../../support/pictures";
import { ReferencePicture } from "../../support/referencePicture";
import { ShareStage, type ISharedStage } from "../../support/sharedStage";

const synthetic = MakeSynthetic();
const unit = (pixels: ArrayLike<number>): number[] => Array.from(pixels, (value) => value / 255);

/** A part of a picture, row 0 at the top. */
function Cut(
    pixels: ArrayLike<number>,
    rowPx: number,
    left: number,
    top: number,
    width: number,
    height: number,
): number[] {
    return Array.from({ length: 4 * width * height }, (_, i) => {
        const [x, y] = [left + (Math.floor(i / 4) % width), top + Math.floor(i / (4 * width))];
        return pixels[4 * (y * rowPx + x) + (i % 4)];
    });
}

/** A setting that frees the processor of work: sets it, and returns what takes it back. */
const Savings: Record<string, (stage: ISharedStage) => () => void> = {
    "frozen active meshes": ({ scene }) => (scene.freezeActiveMeshes(), () => scene.unfreezeActiveMeshes()),
    "a frozen world matrix": ({ avatar }) => (
        avatar.splatMesh.freezeWorldMatrix(),
        () => avatar.splatMesh.unfreezeWorldMatrix()
    ),
    "a frozen material": ({ avatar }) => (
        avatar.splatMesh.material!.freeze(),
        () => avatar.splatMesh.material!.unfreeze()
    ),
    "frozen materials of the scene": ({ scene }) => (scene.freezeMaterials(), () => scene.unfreezeMaterials()),
    "materials that are never marked dirty": ({ scene }) => (
        (scene.blockMaterialDirtyMechanism = true),
        () => (scene.blockMaterialDirtyMechanism = false)
    ),
    "intermediate performance priority": (stage) => Prioritize(stage, ScenePerformancePriority.Intermediate),
    "aggressive performance priority": (stage) => Prioritize(stage, ScenePerformancePriority.Aggressive),
};

function Prioritize({ scene }: ISharedStage, priority: ScenePerformancePriority): () => void {
    scene.performancePriority = priority;
    return () => (scene.performancePriority = ScenePerformancePriority.BackwardCompatible);
}

/** A stage on an engine of its own, which goes with it. */
async function CreateOwnStageAsync(canvas: HTMLCanvasElement, useLargeWorldRendering = false): Promise<IStage> {
    const engine = new WebGPUEngine(canvas, { antialias: false, adaptToDeviceRatio: false, useLargeWorldRendering });
    await engine.initAsync();
    engine.setSize(CanvasPx, CanvasPx);
    const errors: string[] = [];
    (engine._device as GPUDevice).addEventListener("uncapturederror", ({ error }) =>
        errors.push(error.message.slice(0, 400)),
    );
    const heads: IStage["heads"] = new Map();
    const dispose = (): void => {
        engine.dispose();
        heads.forEach((buffers) => buffers.dispose());
    };
    const scene = new Scene(engine);
    return {
        engine,
        canvas,
        errors,
        heads,
        dispose,
        ...FurnishScene(scene),
        component: FlexAvatarComponent.GetOrCreate(scene),
    };
}

/** The usual background and camera. */
function FurnishScene(scene: Scene): Pick<IStage, "scene" | "camera"> {
    scene.clearColor = new Color4(0, 0, 0, 1);
    const camera = new FreeCamera("camera", new Vector3(0, 0, 0.6), scene);
    camera.setTarget(Vector3.Zero());
    Object.assign(camera, { fov: 0.6, minZ: 0.05, maxZ: 20 });
    return { scene, camera };
}

describe("a scene as it always was: an avatar", () => {
    const stage = ShareStage(synthetic);

    it("is the reference's picture in three viewports that end between pixels", async () => {
        const { scene, camera, avatar } = stage;
        const viewports = [
            new Viewport(0.013, 0.027, 0.341, 0.913),
            new Viewport(0.377, 0.501, 0.609, 0.477),
            new Viewport(0.377, 0.031, 0.597, 0.443),
        ];
        const cameras = [
            camera,
            new FreeCamera("left", new Vector3(-0.3, 0.1, 0.5), scene),
            new FreeCamera("up", new Vector3(0.1, 0.3, 0.5), scene),
        ];
        cameras.forEach((one, index) => {
            one.setTarget(Vector3.Zero());
            Object.assign(one, { fov: 0.6, minZ: 0.05, maxZ: 20, viewport: viewports[index] });
        });
        scene.activeCameras = cameras;
        const all = await ShootAsync(stage, 2);
        for (const [index, { x, y, width, height }] of viewports.entries()) {
            const [left, bottom, widthPx, heightPx] = [x, y, width, height].map((share) =>
                Math.floor(share * CanvasPx),
            );
            const part = Cut(all, CanvasPx, left, CanvasPx - bottom - heightPx, widthPx, heightPx);
            const reference = ReferencePicture(
                { ...stage, camera: cameras[index] },
                avatar,
                synthetic,
                widthPx,
                heightPx,
            );
            expect(Lit(part)).toBeGreaterThan(200);
            expect(Psnr(unit(part), unit(reference)))
                .withContext(`viewport ${index}`)
                .toBeGreaterThan(42);
        }
        expect(avatar.splatMesh.viewCount).toBe(3);
    }, 30000);

    it("is in both of two viewports after aggressive performance priority, whether they came before or during it", async () => {
        const { scene, camera } = stage;
        const cameras = [camera, new FreeCamera("left", new Vector3(-0.3, 0.1, 0.5), scene)];
        cameras.forEach((one, index) => {
            one.setTarget(Vector3.Zero());
            Object.assign(one, { fov: 0.6, minZ: 0.05, maxZ: 20, viewport: new Viewport(0.5 * index, 0, 0.5, 1) });
        });
        scene.activeCameras = cameras;
        const before = await ShootAsync(stage, 2);
        for (const first of [cameras, [camera]]) {
            scene.activeCameras = first;
            const unset = Prioritize(stage, ScenePerformancePriority.Aggressive);
            await ShootAsync(stage, 2);
            scene.activeCameras = cameras;
            await ShootAsync(stage, 2);
            unset();
            ExpectAlike(await ShootAsync(stage, 2), before, 0, 0, `${first.length} before`);
        }
        const half = CanvasPx / 2;
        expect(Lit(Cut(before, CanvasPx, half, 0, half, CanvasPx))).toBeGreaterThan(200);
    }, 30000);

    for (const [name, set] of Object.entries(Savings)) {
        it(`moves with ${name} as without`, async () => {
            const { scene, avatar, camera } = stage;
            // Covers all: under some priorities nothing clears the canvas.
            AddBox(scene, "wall", new Color3(0.1, 0.3, 0.2), 4, new Vector3(0, 0, -3));
            const shoot = async (turn: number, x: number): Promise<Uint8ClampedArray> => {
                avatar.rotation.y = turn;
                avatar.position.x = x;
                camera.position.x = -x;
                return ShootAsync(stage, 2);
            };
            const poses = [
                [0, 0],
                [0.6, 0],
                [0.6, 0.05],
            ] as const;
            const expected: Uint8ClampedArray[] = [];
            for (const [turn, x] of poses) {
                expected.push(await shoot(turn, x));
            }
            expect(Compare(expected[0], expected[1], 20).different).toBeGreaterThan(300);
            expect(Compare(expected[1], expected[2], 20).different).toBeGreaterThan(300);
            await shoot(0, 0);
            const unset = set(stage);
            try {
                for (const [index, [turn, x]] of poses.entries()) {
                    ExpectAlike(await shoot(turn, x), expected[index], 0, 0, `pose ${index}`);
                }
            } finally {
                unset();
            }
            ExpectAlike(await shoot(0, 0), expected[0], 0, 0, "afterwards");
        }, 30000);
    }

    it("is whole when put together from four pictures of a quarter of the view each", async () => {
        const { engine, camera } = stage;
        const twice = 2 * CanvasPx;
        engine.setSize(twice, twice);
        try {
            const whole = await ShootAsync(stage, 2);
            engine.setSize(CanvasPx, CanvasPx);
            const projection = camera.getProjectionMatrix(true).clone();
            for (const [column, row] of [0, 1, 2, 3].map((index) => [index % 2, index >> 1])) {
                // Twice as large, and moved by one half of the picture.
                const enlarge = Matrix.Scaling(2, 2, 1).multiply(Matrix.Translation(1 - 2 * column, 2 * row - 1, 0));
                camera.freezeProjectionMatrix(projection.multiply(enlarge));
                const part = await ShootAsync(stage, 2);
                const expected = Cut(whole, twice, column * CanvasPx, row * CanvasPx, CanvasPx, CanvasPx);
                ExpectAlike(part, expected, 2, 0.01, `column ${column}, row ${row}`);
            }
        } finally {
            camera.unfreezeProjectionMatrix();
            engine.setSize(CanvasPx, CanvasPx);
            camera.getProjectionMatrix(true); // it would stay the frozen one until something changes
        }
    }, 30000);

    it("comes back when the canvas had no size, and adds nothing to what the GPU says of such a canvas", async () => {
        const { engine, avatar, errors } = stage;
        const before = await ShootAsync(stage, 2);
        const complain = async (isShown: boolean): Promise<string[]> => {
            avatar.setEnabled(isShown);
            errors.length = 0;
            RenderFrame(stage);
            await (engine._device as GPUDevice).queue.onSubmittedWorkDone();
            await new Promise((resolve) => setTimeout(resolve, 20));
            return [...new Set(errors.splice(0).map((message) => message.replace(/\d+/g, "n")))];
        };
        engine.setSize(0, 0);
        try {
            await complain(true); // the first frame has more to tell: new textures
            const [without, withAvatar] = [await complain(false), await complain(true)];
            expect(engine.getRenderWidth()).toBe(0);
            expect(withAvatar).toEqual(without); // Babylon's own: a canvas texture of size 0
        } finally {
            engine.setSize(CanvasPx, CanvasPx);
        }
        ExpectAlike(await ShootAsync(stage, 2), before, 0);
    });

    it("goes on after an hour in a hidden page, with the newest face and turn", async () => {
        stage.avatar.setEnabled(false);
        const texels = synthetic.table.mapSize ** 2;
        let rest: Float32Array | null = null;
        const driver = new FakeDriver((map) => {
            rest ??= map.slice();
            const isMoved = map.some((value, i) => value !== rest![i]);
            return new Float32Array(14 * texels).fill(isMoved ? -0.4 : 0, 4 * texels, 7 * texels);
        });
        const avatar = await AddAvatarAsync(stage, synthetic, { name: "eve", driver });
        const now = performance.now.bind(performance);
        let awayMs = 0;
        spyOn(performance, "now").and.callFake(() => now() + awayMs);
        const set = (influence: number, turn: number): void => {
            avatar.expression.getTarget(3).influence = influence;
            avatar.rotation.y = turn;
        };
        const settle = async (): Promise<Uint8ClampedArray> => {
            for (let frame = 0; frame < 25; frame++) {
                RenderFrame(stage);
                await new Promise((resolve) => setTimeout(resolve, 20));
            }
            return ShootAsync(stage);
        };
        const [before, expected] = [(set(0, 0), await settle()), (set(1, 0.5), await settle())];
        expect(Compare(before, expected, 20).different).toBeGreaterThan(300);
        set(0, 0);
        ExpectAlike(await settle(), before, 0, 0, "back at rest");
        const hidden = spyOnProperty(document, "hidden").and.returnValue(true);
        document.dispatchEvent(new Event("visibilitychange"));
        set(1, 0.5); // a hidden page gets no frames, but messages
        await new Promise((resolve) => setTimeout(resolve, 50));
        awayMs = 3_600_000;
        hidden.and.returnValue(false);
        document.dispatchEvent(new Event("visibilitychange"));
        RenderFrame(stage);
        expect(stage.engine.getDeltaTime()).toBeGreaterThan(3_000_000);
        ExpectAlike(await settle(), expected, 0, 0, "after the hour");
        set(0, 0);
        ExpectAlike(await settle(), before, 0, 0, "at rest after the hour");
        avatar.dispose();
    }, 60000);

    it("is the same on two engines at a time, and stays on one when the other goes", async () => {
        const other = await CreateStageAsync();
        const twin = await AddAvatarAsync(other, synthetic);
        expect(other.engine).not.toBe(stage.engine);
        const alone = await ShootAsync(stage, 2);
        ExpectAlike(await ShootAsync(other, 2), alone, 0, 0, "on the other engine");
        stage.avatar.rotation.y = 0.6;
        twin.rotation.y = -0.6;
        RenderFrame(stage);
        RenderFrame(other);
        const [turned, opposite] = [await ShootAsync(stage, 2), await ShootAsync(other, 2)];
        expect(Compare(turned, opposite, 20).different).toBeGreaterThan(300);
        twin.rotation.y = 0.6;
        ExpectAlike(await ShootAsync(other, 2), turned, 0, 0, "turned alike");
        expect(other.errors).toEqual([]);
        other.dispose();
        ExpectAlike(await ShootAsync(stage, 2), turned, 0, 0, "left alone");
    }, 30000);

    it("is the same 5,000 km from the origin of a large world", async () => {
        const expected = await ShootAsync(stage, 2);
        const canvas = document.body.appendChild(document.createElement("canvas"));
        const far = await CreateOwnStageAsync(canvas, true);
        try {
            const avatar = await AddAvatarAsync(far, synthetic);
            const place = new Vector3(3e6, -3e6, Math.sqrt(7e12));
            avatar.position.copyFrom(place);
            far.camera.position.addInPlace(place);
            ExpectAlike(await ShootAsync(far, 2), expected, 2, 0.01);
            expect(far.errors).toEqual([]);
        } finally {
            far.dispose();
            canvas.remove();
            PerformanceConfigurator.SetMatrixPrecision(false); // the page's other engines have single precision
        }
    }, 60000);

    it("leaves nothing on the GPU and no observer when its scene comes and goes six times", async () => {
        const { engine } = stage;
        const live = WatchDevice(engine._device as GPUDevice);
        const expected = await ShootAsync(stage, 2);
        const counts: object[] = [];
        for (let life = 0; life < 6; life++) {
            const furnished = FurnishScene(new Scene(engine));
            const component = FlexAvatarComponent.GetOrCreate(furnished.scene);
            const mounted = { ...stage, ...furnished, component };
            await AddAvatarAsync(mounted, synthetic);
            ExpectAlike(await ShootAsync(mounted, 2), expected, 0, 0, `life ${life}`);
            furnished.scene.dispose();
            const { ourBuffers, textures } = live();
            const observers = Object.values(engine).reduce<number>((sum, value) => sum + CountOf(value), 0);
            counts.push({
                ourBuffers,
                textures,
                observers,
                scenes: engine.scenes.length,
                avatars: component.avatars.length,
            });
        }
        expect(counts.slice(1)).toEqual(Array(5).fill(counts[0]));
    }, 60000);
});

function CountOf(value: unknown): number {
    const observers = (value as { observers?: unknown } | null)?.observers;
    return Array.isArray(observers) ? observers.length : 0;
}

describe("a scene as it always was: an avatar mounted twice", () => {
    it("is drawn by the second engine of a canvas whose first one is disposed while it loads", async () => {
        const { services } = await FakeServicesAsync();
        const canvas = document.body.appendChild(document.createElement("canvas"));
        const source = await CreateStageAsync();
        const maker = FlexAvatarComponent.GetOrCreate(new Scene(source.engine), { _services: services });
        const made = await maker.createFromPhotosAsync([new Blob(["a photo"])], { name: "ada", refine: false });
        const file = await made.saveAsync();
        maker.scene.dispose();
        source.component.dispose();
        const plain = FlexAvatarComponent.GetOrCreate(source.scene, { _services: services });
        const shown = await plain.loadAsync(file);
        await shown.whenReadyAsync();
        const expected = await ShootAsync(source, 3);

        const first = await CreateOwnStageAsync(canvas);
        first.component.dispose();
        const lost = FlexAvatarComponent.GetOrCreate(first.scene, { _services: services }).loadAsync(file);
        const failing = lost.then(
            () => null,
            (error: unknown) => (error as { code?: string }).code,
        );
        first.dispose();
        const second = await CreateOwnStageAsync(canvas);
        second.component.dispose();
        const component = FlexAvatarComponent.GetOrCreate(second.scene, { _services: services });
        const avatar = await component.loadAsync(file);
        await avatar.whenReadyAsync();
        expect(await failing).toBe("disposed");
        ExpectAlike(await ShootAsync(second, 3), expected, 0);
        expect([first.errors, second.errors, source.errors]).toEqual([[], [], []]);
        second.dispose();
        source.dispose();
        canvas.remove();
    }, 60000);
});

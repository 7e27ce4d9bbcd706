/** What every sample starts with: engine, scene, camera, light, a ground where it is wanted, and the bundled person. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import type { AssetContainer } from "@babylonjs/core/assetContainer";
import { ArcRotateCamera } from "@babylonjs/core/Cameras/arcRotateCamera";
import { Camera } from "@babylonjs/core/Cameras/camera";
import { Engine } from "@babylonjs/core/Engines/engine";
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { DirectionalLight } from "@babylonjs/core/Lights/directionalLight";
import { HemisphericLight } from "@babylonjs/core/Lights/hemisphericLight";
import { ShadowGenerator } from "@babylonjs/core/Lights/Shadows/shadowGenerator";
import "@babylonjs/core/Lights/Shadows/shadowGeneratorSceneComponent";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreateGround } from "@babylonjs/core/Meshes/Builders/groundBuilder";
import { Scene } from "@babylonjs/core/scene";
import "@babylonjs/loaders/glTF";
import {
    FlexAvatarError,
    GetFlexAvatarEngineOptions,
    type FlexAvatar,
    type FlexAvatarComponent,
    type ISourceHandle,
} from "babylon-flexavatar";
import { Panel } from "./panel";

/** Folder of the samples' assets, ending in a slash. */
export const AssetsUrl = new URL("../assets/", location.href).href;

/** Where the library finds its files when the samples are built. */
export const FlexAvatarUrl = new URL("../flexavatar/", location.href).href;

/** How high the middle of a head is above the ground, meters. */
export const EyeHeight = 1.6;

/** A scene to put avatars into. */
export interface IStage {
    engine: WebGPUEngine | Engine;
    scene: Scene;
    camera: ArcRotateCamera;
    /** The shadows of the sun. */
    shadows: ShadowGenerator;
}

/** What a sample works with. */
export interface ISample extends IStage {
    panel: Panel;
}

/**
 * Builds the stage, lets `build` fill it, and draws it from the start. The page's element gets `data-ready` when
 * `build` has ended and all of it can be drawn.
 * @param build what the sample is about
 * @param settings see {@link CreateStageAsync}
 */
export async function ShowAsync(build: (sample: ISample) => Promise<void>, settings = {}): Promise<void> {
    const panel = new Panel();
    try {
        const stage = await CreateStageAsync(settings);
        window.sample = stage;
        RunScene(stage.scene);
        await build({ ...stage, panel });
        await stage.scene.whenReadyAsync();
        document.documentElement.dataset.ready = "";
    } catch (error) {
        panel.showError(error);
    }
}

/**
 * Engine, scene, camera and light on the page's canvas.
 * @param settings `withGround`: a ground that takes shadows; without one, the default, the page is seen behind the
 * avatar
 */
export async function CreateStageAsync({ withGround = false } = {}): Promise<IStage> {
    const engine = await CreateEngineAsync(document.getElementById("view") as HTMLCanvasElement);
    const scene = new Scene(engine);
    scene.clearColor = new Color4(0, 0, 0, 0);
    const camera = CreateOrbitCamera(scene, new Vector3(0, EyeHeight - 0.05, 0), 0.5);

    const sky = new HemisphericLight("sky", Vector3.Up(), scene);
    sky.intensity = 0.7;
    sky.groundColor = new Color3(0.4, 0.38, 0.36);
    const sun = new DirectionalLight("sun", new Vector3(0.45, -1, -0.75), scene);
    sun.position = new Vector3(-1, 3, 1.8);
    sun.intensity = 0.8;
    sun.autoCalcShadowZBounds = true; // the map's depth spans the casters, not the camera's range
    const shadows = new ShadowGenerator(1024, sun);
    shadows.usePercentageCloserFiltering = true;
    shadows.bias = 0.002;
    shadows.darkness = 0.6; // the sky lights them
    if (withGround) {
        AddGround(scene);
    }
    return { engine, scene, camera, shadows };
}

/** A floor that goes over into the backdrop. */
function AddGround(scene: Scene): void {
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const backdrop = isDark ? new Color3(0.13, 0.14, 0.16) : new Color3(0.83, 0.82, 0.79);
    scene.clearColor = Color4.FromColor3(backdrop);
    scene.fogMode = Scene.FOGMODE_LINEAR;
    scene.fogColor = backdrop;
    scene.fogStart = 3;
    scene.fogEnd = 9;
    const ground = CreateGround("ground", { width: 24, height: 24 }, scene);
    ground.material = CreatePaint(
        scene,
        "floor",
        isDark ? new Color3(0.24, 0.25, 0.27) : new Color3(0.72, 0.7, 0.66),
        0,
    );
    ground.receiveShadows = true;
}

/**
 * A WebGPU engine with what the library wants of the device. Where the browser has no WebGPU, or the address says
 * `?webgl`, it is a WebGL engine, on which avatars are meshes.
 */
export async function CreateEngineAsync(canvas: HTMLCanvasElement): Promise<WebGPUEngine | Engine> {
    const wantsWebGl = new URLSearchParams(location.search).has("webgl");
    if (wantsWebGl || !(await WebGPUEngine.IsSupportedAsync)) {
        return new Engine(canvas, true, {}, true);
    }
    const engine = new WebGPUEngine(canvas, GetFlexAvatarEngineOptions({ antialias: true, adaptToDeviceRatio: true }));
    await engine.initAsync();
    if (engine._device.adapterInfo.isFallbackAdapter) {
        engine.setHardwareScalingLevel(2); // no graphics card: a quarter of the pixels keeps the page usable
    }
    return engine;
}

/**
 * Draws the scene from now on, at the size that the canvas has on the page. Without a graphics card the processor
 * draws, and after each frame rests for as long as the frame took: the networks need it too.
 */
export function RunScene(scene: Scene): void {
    const engine = scene.getEngine();
    const isSoftware = (): boolean => engine instanceof WebGPUEngine && engine._device.adapterInfo.isFallbackAdapter;
    let resting = false;
    const restAsync = async (): Promise<void> => {
        const start = performance.now();
        resting = true;
        await (engine as WebGPUEngine)._device.queue.onSubmittedWorkDone(); // asked for anew: a lost device is replaced
        setTimeout(() => (resting = false), performance.now() - start);
    };
    engine.runRenderLoop(() => {
        if (resting) {
            return;
        }
        scene.render();
        if (isSoftware()) {
            engine.onEndFrameObservable.addOnce(() => void restAsync());
        }
    });
    const canvas = engine.getRenderingCanvas()!;
    const fit = () => {
        engine.resize();
        const isNarrow = canvas.clientWidth < canvas.clientHeight;
        const camera = scene.activeCamera ?? scene.cameras[0]; // none is active while two eyes are drawn
        if (camera) {
            camera.fovMode = isNarrow ? Camera.FOVMODE_HORIZONTAL_FIXED : Camera.FOVMODE_VERTICAL_FIXED;
        }
    };
    new ResizeObserver(fit).observe(canvas);
}

/**
 * Milliseconds from the sound, picture or packet that moves a face in the next frame until that frame is drawn; on
 * WebGL, which does not say when it has drawn, until the frame after it.
 */
export function DrawnLatencyAsync(engine: WebGPUEngine | Engine, handle: ISourceHandle): Promise<number> {
    return new Promise((resolve) => {
        engine.onEndFrameObservable.addOnce(() => {
            const { sampledAtMs } = handle;
            const tell = () => resolve(performance.now() - sampledAtMs);
            if (engine instanceof WebGPUEngine) {
                void engine._device.queue.onSubmittedWorkDone().then(tell);
            } else {
                requestAnimationFrame(tell);
            }
        });
    });
}

/** A camera that goes around `target` by mouse, wheel, keys and touch: 0.4 to 6 m away, field of view `fov` radians. */
export function CreateOrbitCamera(scene: Scene, target: Vector3, fov: number): ArcRotateCamera {
    const camera = new ArcRotateCamera("camera", Math.PI / 2, Math.PI / 2, 1, target.clone(), scene);
    camera.fov = fov;
    camera.minZ = 0.05;
    camera.maxZ = 50;
    camera.lowerRadiusLimit = 0.4;
    camera.upperRadiusLimit = 6;
    camera.wheelDeltaPercentage = 0.02;
    camera.panningSensibility = 2000;
    camera.attachControl(scene.getEngine().getRenderingCanvas(), true);
    return camera;
}

/** A lit material of one color; `gloss` 0..1 is how bright its highlights are. */
export function CreatePaint(scene: Scene, name: string, color: Color3, gloss: number): StandardMaterial {
    const material = new StandardMaterial(name, scene);
    material.diffuseColor = color;
    material.specularColor = new Color3(gloss, gloss, gloss);
    return material;
}

/** The mesh character, in the scene and playing its idle clip. */
export async function AddCharacterAsync(scene: Scene): Promise<AssetContainer> {
    const container = await LoadAssetContainerAsync(`${AssetsUrl}character.glb`, scene);
    container.addAllToScene();
    container.animationGroups[0]?.start(true);
    return container;
}

/**
 * The first clip of a glTF file, not playing. Only its tracks are used, so nothing of the file comes into the scene.
 */
export async function LoadClipAsync(source: string | File, scene: Scene): Promise<AnimationGroup> {
    const { animationGroups } = await LoadAssetContainerAsync(source, scene);
    if (animationGroups.length === 0) {
        throw new FlexAvatarError("clip-empty", "The file has no animation.", {
            advice: "Choose a glTF file with a clip.",
        });
    }
    animationGroups[0].stop();
    return animationGroups[0];
}

/**
 * The person that the samples show, at eye height: made from the bundled portrait, or out of the `.flexavatar` file
 * that `?avatar=` names.
 */
export async function AddPersonAsync(component: FlexAvatarComponent, panel: Panel): Promise<FlexAvatar> {
    const file = new URLSearchParams(location.search).get("avatar");
    const settings = { onProgress: panel.showProgress };
    const avatar = file
        ? await component.loadAsync(new URL(file, location.href), settings)
        : await component.createFromPhotosAsync([`${AssetsUrl}astronaut.png`], settings);
    avatar.position.y = EyeHeight;
    panel.say("Drag to look around.");
    return avatar;
}

declare global {
    interface Window {
        /** For scripts. */
        sample?: IStage;
    }
}

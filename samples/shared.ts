/**
 * What the sample pages have in common: the engine, a camera to look around with, the mesh character, and where files
 * lie.
 */
import type { AssetContainer } from "@babylonjs/core/assetContainer";
import { ArcRotateCamera } from "@babylonjs/core/Cameras/arcRotateCamera";
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import type { Vector3 } from "@babylonjs/core/Maths/math.vector";
import type { Scene } from "@babylonjs/core/scene";
import "@babylonjs/loaders/glTF";
import { GetFlexAvatarEngineOptions, type IFlexAvatarOptions } from "babylon-flexavatar";

/** Folder of the samples' assets, ending in a slash. */
export const AssetsUrl = new URL("../assets/", location.href).href;

/** Where the library finds its files when the samples are built. */
export const ComponentUrls: Pick<IFlexAvatarOptions, "assetsUrl"> = {
    assetsUrl: new URL("../flexavatar/", location.href).href,
};

/** A WebGPU engine with what the library wants of the device. */
export async function CreateEngineAsync(canvas: HTMLCanvasElement): Promise<WebGPUEngine> {
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
    const engine = scene.getEngine() as WebGPUEngine;
    let resting = false;
    const restAsync = async (): Promise<void> => {
        const start = performance.now();
        resting = true;
        await engine._device.queue.onSubmittedWorkDone(); // asked for anew: a lost device is replaced
        setTimeout(() => (resting = false), performance.now() - start);
    };
    engine.runRenderLoop(() => {
        if (resting) {
            return;
        }
        scene.render();
        if (engine._device.adapterInfo.isFallbackAdapter) {
            engine.onEndFrameObservable.addOnce(() => void restAsync());
        }
    });
    new ResizeObserver(() => engine.resize()).observe(engine.getRenderingCanvas()!);
}

/**
 * A camera that goes around `target` by mouse, wheel and touch: 0.4 to 6 m away, vertical field of view `fov` radians.
 */
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

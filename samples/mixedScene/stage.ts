/**
 * The scene around the avatar: engine, camera, lights with a shadow generator, ground, and a mesh character. Nothing
 * here knows about Gaussians.
 */
import type { ArcRotateCamera } from "@babylonjs/core/Cameras/arcRotateCamera";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { DirectionalLight } from "@babylonjs/core/Lights/directionalLight";
import { HemisphericLight } from "@babylonjs/core/Lights/hemisphericLight";
import { ShadowGenerator } from "@babylonjs/core/Lights/Shadows/shadowGenerator";
import "@babylonjs/core/Lights/Shadows/shadowGeneratorSceneComponent";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh";
import { CreateGround } from "@babylonjs/core/Meshes/Builders/groundBuilder";
import { Scene } from "@babylonjs/core/scene";
import { AddCharacterAsync, CreateEngineAsync, CreateOrbitCamera, CreatePaint } from "../shared";

export interface IStage {
    engine: WebGPUEngine;
    scene: Scene;
    camera: ArcRotateCamera;
    shadows: ShadowGenerator;
    /** Parent of the character's meshes. */
    character: AbstractMesh;
}

/** Builds the scene on a WebGPU engine that draws to `canvas`. */
export async function CreateStageAsync(canvas: HTMLCanvasElement): Promise<IStage> {
    const engine = await CreateEngineAsync(canvas);
    const scene = new Scene(engine);
    scene.clearColor = new Color4(0.62, 0.66, 0.7, 1);

    const camera = CreateOrbitCamera(scene, new Vector3(0, 1.52, 0), 0.6);
    [camera.alpha, camera.beta, camera.radius] = [Math.PI / 2 + 0.35, 1.42, 1.15];

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

    const ground = CreateGround("ground", { width: 16, height: 16 }, scene);
    ground.material = CreatePaint(scene, "floor", new Color3(0.72, 0.7, 0.66), 0);
    ground.receiveShadows = true;

    const container = await AddCharacterAsync(scene);
    const character = container.meshes[0];
    for (const mesh of container.meshes) {
        shadows.addShadowCaster(mesh, false);
        mesh.receiveShadows = true;
    }
    return { engine, scene, camera, shadows, character };
}

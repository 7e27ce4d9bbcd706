/**
 * The scene around the avatar: engine, camera, lights with a shadow generator, ground, a plinth, and a mesh character.
 * Nothing here knows about Gaussians.
 */
import { DirectionalLight } from "@babylonjs/core/Lights/directionalLight";
import { HemisphericLight } from "@babylonjs/core/Lights/hemisphericLight";
import { ShadowGenerator } from "@babylonjs/core/Lights/Shadows/shadowGenerator";
import "@babylonjs/core/Lights/Shadows/shadowGeneratorSceneComponent";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreateCylinder } from "@babylonjs/core/Meshes/Builders/cylinderBuilder";
import { CreateGround } from "@babylonjs/core/Meshes/Builders/groundBuilder";
import type { Mesh } from "@babylonjs/core/Meshes/mesh";
import { Scene } from "@babylonjs/core/scene";
import { AddCharacterAsync, CreateEngineAsync, CreateOrbitCamera, CreatePaint } from "../shared";

export interface IStage {
    scene: Scene;
    shadows: ShadowGenerator;
    /** What the bust stands on; its origin is the middle of its top. */
    plinth: Mesh;
}

/** Builds the scene on a WebGPU engine that draws to `canvas`. */
export async function CreateStageAsync(canvas: HTMLCanvasElement): Promise<IStage> {
    const engine = await CreateEngineAsync(canvas);
    const scene = new Scene(engine);
    scene.clearColor = new Color4(0.62, 0.66, 0.7, 1);
    const camera = CreateOrbitCamera(scene, new Vector3(0, 1.42, 0), 0.6);
    [camera.alpha, camera.beta, camera.radius] = [Math.PI / 2 - 0.15, 1.45, 1.75];

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
    const plinth = CreateCylinder(
        "plinth",
        { diameterTop: 0.3, diameterBottom: 0.34, height: 1.2, tessellation: 48 },
        scene,
    );
    plinth.bakeTransformIntoVertices(plinth.computeWorldMatrix(true).setTranslationFromFloats(0, -0.6, 0));
    plinth.position.set(-0.3, 1.2, 0.05);
    plinth.material = CreatePaint(scene, "stone", new Color3(0.55, 0.53, 0.5), 0.1);

    const { meshes } = await AddCharacterAsync(scene);
    meshes[0].position.x = 0.32;
    for (const mesh of [ground, plinth, ...meshes]) {
        mesh.receiveShadows = true;
        shadows.addShadowCaster(mesh, false);
    }
    return { scene, shadows, plinth };
}

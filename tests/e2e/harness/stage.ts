/**
 * The scene around the avatar: light, ground, a pedestal, two boxes and a mesh character. Nothing here knows about
 * Gaussians.
 */
import type { ArcRotateCamera } from "@babylonjs/core/Cameras/arcRotateCamera";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { DirectionalLight } from "@babylonjs/core/Lights/directionalLight";
import { HemisphericLight } from "@babylonjs/core/Lights/hemisphericLight";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreateBox } from "@babylonjs/core/Meshes/Builders/boxBuilder";
import { CreateCylinder } from "@babylonjs/core/Meshes/Builders/cylinderBuilder";
import { CreateGround } from "@babylonjs/core/Meshes/Builders/groundBuilder";
import type { Mesh } from "@babylonjs/core/Meshes/mesh";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Scene } from "@babylonjs/core/scene";
import { AddCharacterAsync, CreateEngineAsync, CreateOrbitCamera, CreatePaint } from "../../../samples/shared/stage";

/** Where the avatar's origin is, between its ears, meters. */
export const HeadCenter = new Vector3(0, 1.6, 0);

/** Up to the avatar's neck, meters. */
const PedestalHeight = 1.27; // the bust ends 36 cm below the avatar's origin and fades out above

/** Edge of the seen square at the head in the default view, meters. */
const ViewHeightMeters = 0.45;

export interface IStage {
    engine: WebGPUEngine;
    scene: Scene;
    camera: ArcRotateCamera;
    /** Parent of the mesh character; move it to place the character. Null when the character's file is missing. */
    character: TransformNode | null;
    /** Places the camera: yaw and pitch in degrees around the head (0, 0 is straight in front), distance in meters. */
    look(yawDegrees: number, pitchDegrees?: number, distance?: number): void;
    /** Hides or shows everything but the avatar. */
    setSurroundings(visible: boolean): void;
}

/** Builds the scene on a WebGPU engine that draws to `canvas`. */
export async function CreateStageAsync(canvas: HTMLCanvasElement): Promise<IStage> {
    const engine = (await CreateEngineAsync(canvas)) as WebGPUEngine;
    const scene = new Scene(engine);
    const backdrop = new Color4(0.16, 0.18, 0.21, 1);
    scene.clearColor = backdrop;
    scene.fogMode = Scene.FOGMODE_LINEAR;
    scene.fogColor = new Color3(backdrop.r, backdrop.g, backdrop.b);
    scene.fogStart = 3;
    scene.fogEnd = 9;

    const camera = CreateOrbitCamera(scene, HeadCenter, 0.5);

    const sky = new HemisphericLight("sky", Vector3.Up(), scene);
    sky.intensity = 0.75;
    sky.groundColor = new Color3(0.35, 0.33, 0.32);
    const key = new DirectionalLight("key", new Vector3(-0.5, -1, -0.8), scene);
    key.intensity = 0.7;

    const ground = paint(CreateGround("ground", { width: 24, height: 24 }, scene), new Color3(0.3, 0.32, 0.35));
    const pedestal = paint(
        CreateCylinder(
            "pedestal",
            { diameterTop: 0.24, diameterBottom: 0.3, height: PedestalHeight, tessellation: 48 },
            scene,
        ),
        new Color3(0.62, 0.6, 0.57),
    );
    pedestal.position.set(0, PedestalHeight / 2, -0.02);
    const nearBox = paint(CreateBox("nearBox", { size: 0.08 }, scene), new Color3(0.85, 0.45, 0.2));
    nearBox.position.set(0.06, 1.49, 0.17);
    nearBox.rotation.set(0.4, 0.6, 0.2);
    const farBox = paint(CreateBox("farBox", { size: 0.3 }, scene), new Color3(0.2, 0.45, 0.7));
    farBox.position.set(0.2, 1.66, -0.45);
    farBox.rotation.set(0.3, 0.5, 0);
    const surroundings = [ground, pedestal, nearBox, farBox];

    const character = await loadCharacterAsync(scene);
    const stage: IStage = {
        engine,
        scene,
        camera,
        character,
        look: (yawDegrees, pitchDegrees = 0, distance = ViewHeightMeters / (2 * Math.tan(camera.fov / 2))) => {
            camera.alpha = Math.PI / 2 + (yawDegrees * Math.PI) / 180;
            camera.beta = Math.PI / 2 - (pitchDegrees * Math.PI) / 180;
            camera.radius = distance;
            camera.setTarget(HeadCenter.clone());
        },
        setSurroundings: (visible) => {
            surroundings.forEach((mesh) => mesh.setEnabled(visible));
            character?.setEnabled(visible);
        },
    };
    stage.look(8, 3, 1.7);
    return stage;

    function paint(mesh: Mesh, color: Color3): Mesh {
        mesh.material = CreatePaint(scene, "paint", color, 0.08);
        return mesh;
    }
}

async function loadCharacterAsync(scene: Scene): Promise<TransformNode | null> {
    try {
        const container = await AddCharacterAsync(scene);
        const holder = new TransformNode("character", scene);
        for (const node of container.rootNodes) {
            (node as TransformNode).parent = holder;
        }
        holder.position.set(-0.5, 0, -0.25);
        return holder;
    } catch (error) {
        console.warn("The mesh character could not be loaded; the scene is shown without it.", error);
        return null;
    }
}

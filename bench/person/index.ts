/** `window.personBench`: a saved avatar whose frames are timed with hair and bust, and without. */
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarComponent, GetFlexAvatarEngineOptions, type FlexAvatar } from "babylon-flexavatar";

/** Height of the head in meters, and the camera's angle from top to bottom. */
const HeadMeters = 0.25;
const ViewAngle = 0.5;
const PicturePx = 512;
/** How far below the head's middle a camera looks that has room for the bust, meters. */
const BustBelow = 0.09;

let engine: WebGPUEngine;
let scene: Scene;
let avatar: FlexAvatar | undefined;

async function StartAsync(): Promise<void> {
    engine = new WebGPUEngine(document.querySelector("canvas")!, GetFlexAvatarEngineOptions());
    await engine.initAsync();
    scene = new Scene(engine);
    const camera = new FreeCamera("camera", new Vector3(0, 0, 1), scene);
    camera.fov = ViewAngle;
    camera.minZ = 0.01;
}

function Show(filled: boolean): void {
    avatar!.bust = filled ? "auto" : "none";
    avatar!.hair = filled ? "auto" : "scalp";
}

/** What the page offers. */
export const PersonBench = {
    /** Shows a saved avatar instead of the one before. @returns its Gaussians */
    async openAsync(address: string): Promise<{ head: number; page: number }> {
        avatar?.dispose();
        const component = FlexAvatarComponent.GetOrCreate(scene, {
            modelsUrl: "/assets/models/",
            runtimeUrls: "/node_modules/onnxruntime-web/dist/",
        });
        avatar = await component.loadAsync(new URL(address, location.href));
        await avatar.whenReadyAsync();
        Show(false);
        const head = avatar.gaussianCount;
        Show(true);
        return { head, page: avatar.gaussianCount - head };
    },

    /**
     * Milliseconds of a frame to the end of the GPU's work. @param headPx height of the head in the picture of 512²
     * @param turn of the camera about the head, radians; the neck turns a little with it, so that every frame has a pose
     */
    async frameAsync(filled: boolean, headPx: number, turn: number): Promise<number> {
        Show(filled);
        avatar!.neck.rotation.y = 0.1 * turn;
        const distance = (PicturePx * HeadMeters) / (2 * headPx * Math.tan(ViewAngle / 2));
        const height = headPx < PicturePx / 2 ? -BustBelow : 0;
        const camera = scene.activeCamera as FreeCamera;
        camera.position.set(distance * Math.sin(turn), height, distance * Math.cos(turn));
        camera.setTarget(new Vector3(0, height, 0));
        const start = performance.now();
        engine.beginFrame();
        scene.render();
        engine.endFrame();
        await engine._device.queue.onSubmittedWorkDone();
        return performance.now() - start;
    },
};

declare global {
    interface Window {
        personBench: typeof PersonBench;
    }
}

void StartAsync().then(() => (window.personBench = PersonBench));

/**
 * What a page around a piece of code in README.md and docs has already: names that the code uses and does not make.
 * `tests/e2e/docsCode.e2e.mjs` compiles the code with them. Nothing here exists at run time.
 */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import type { Camera } from "@babylonjs/core/Cameras/camera";
import type { GPUPicker } from "@babylonjs/core/Collisions/gpuPicker";
import type { ShadowGenerator } from "@babylonjs/core/Lights/Shadows/shadowGenerator";
import type { Mesh as BabylonMesh } from "@babylonjs/core/Meshes/mesh";
import type { Scene as BabylonScene } from "@babylonjs/core/scene";
import type {
    FlexAvatar,
    FlexAvatarComponent,
    ICameraLandmarker,
    IPickedRegion,
    SpeechTiming,
} from "babylon-flexavatar";

export { Engine } from "@babylonjs/core/Engines/engine";
export { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
export { PointerEventTypes } from "@babylonjs/core/Events/pointerEvents";
export { AppendSceneAsync, ImportMeshAsync, LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
export { CreatePlane } from "@babylonjs/core/Meshes/Builders/planeBuilder";
export { Mesh } from "@babylonjs/core/Meshes/mesh";
export { DumpData } from "@babylonjs/core/Misc/dumpTools";
export { CreateScreenshotUsingRenderTargetAsync } from "@babylonjs/core/Misc/screenshotTools";
export { Tools } from "@babylonjs/core/Misc/tools";
export { Scene } from "@babylonjs/core/scene";

// What the quick start has made.
export declare const component: FlexAvatarComponent;
export declare const avatar: FlexAvatar;
export declare const scene: BabylonScene;
export declare const engine: import("@babylonjs/core/Engines/webgpuEngine").WebGPUEngine;
export declare const camera: Camera;
export declare const canvas: HTMLCanvasElement;

// What a page gets from its visitor or its server.
export declare const file: File;
export declare const files: File[];
export declare const photo: File;
export declare const photos: File[];
export declare const morePhotos: File[];
export declare const flameFile: File;
export declare const bytes: ArrayBuffer;
export declare const response: Response;
export declare const socket: WebSocket;
export declare const timings: SpeechTiming[];
export declare const abort: AbortController;
export declare const video: HTMLVideoElement;
export declare const audio: HTMLAudioElement;
export declare const audioElement: HTMLAudioElement;
export declare const playButton: HTMLButtonElement;
export declare const buffer: AudioBuffer;
export declare const sound: AudioBuffer;

// Other things of the scene.
export declare const clip: AnimationGroup;
export declare const mesh: BabylonMesh;
export declare const others: BabylonMesh[];
export declare const characterRoot: BabylonMesh;
export declare const shadowGenerator: ShadowGenerator;
export declare const picker: GPUPicker;
export declare const x: number;
export declare const y: number;
export declare const region: IPickedRegion;
export declare function CreateHat(scene: BabylonScene): BabylonMesh;
export declare function seconds(): number;

// What shows something.
export declare function show(...values: unknown[]): void;
export declare function tell(text: string): void;
export declare function showHint(text: string | undefined): void;
export declare function subtitle(word: string): void;

/** Of `@mediapipe/tasks-vision`, which is not installed. */
export declare const FaceLandmarker: {
    createFromOptions(files: unknown, options: object): Promise<ICameraLandmarker>;
};

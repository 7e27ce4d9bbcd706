/**
 * The least page that shows an avatar, for counting what a first visit loads: `?photo=` or `?file=` with an address.
 * `card` in the query makes the adapter call itself a graphics card's, so that the library loads what it loads there.
 */
import { ArcRotateCamera } from "@babylonjs/core/Cameras/arcRotateCamera";
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Scene } from "@babylonjs/core/scene";
import {
    FlexAvatarComponent,
    GetFlexAvatarEngineOptions,
    type FlexAvatar,
    type IFlexAvatarOptions,
} from "babylon-flexavatar";

interface IVisit {
    /** Resolves with the number of Gaussians once the avatar was drawn. */
    shown: Promise<number>;
    saveAsync(): Promise<ArrayBuffer>;
}

declare global {
    interface Window {
        visit: IVisit;
    }
}

const query = new URLSearchParams(location.search);
let avatar: FlexAvatar;

async function showAsync(): Promise<number> {
    const engine = new WebGPUEngine(document.querySelector("canvas")!, GetFlexAvatarEngineOptions());
    await engine.initAsync();
    if (query.has("card")) {
        const info = { vendor: "some", architecture: "card", device: "", description: "", isFallbackAdapter: false };
        Object.defineProperty(engine._device, "adapterInfo", { value: info });
    }
    const scene = new Scene(engine);
    scene.activeCamera = new ArcRotateCamera("camera", Math.PI / 2, Math.PI / 2, 0.7, Vector3.Zero(), scene);
    // The folders of a checkout, not of a page: `assetsUrl` would do there.
    const options: Partial<IFlexAvatarOptions> = {
        modelsUrl: "/assets/models/",
        runtimeUrls: "/node_modules/onnxruntime-web/dist/",
        ...(query.has("mediapipe") && { mediaPipeUrls: "/node_modules/@mediapipe/" }), // of older checkouts
    };
    const component = FlexAvatarComponent.GetOrCreate(scene, options);
    const [photo, file] = [query.get("photo"), query.get("file")];
    avatar = photo ? await component.createFromPhotosAsync([photo]) : await component.loadAsync(file!);
    engine.runRenderLoop(() => scene.render());
    await avatar.whenReadyAsync();
    await new Promise((resolve) => scene.onAfterRenderObservable.addOnce(resolve));
    await engine._device.queue.onSubmittedWorkDone();
    engine.stopRenderLoop();
    return avatar.gaussianCount;
}

window.visit = { shown: showAsync(), saveAsync: async () => avatar.saveAsync() };

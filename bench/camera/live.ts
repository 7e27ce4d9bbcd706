/** An avatar driven by the browser's camera, for a look and for its latency. */
import { ArcRotateCamera } from "@babylonjs/core/Cameras/arcRotateCamera";
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Scene } from "@babylonjs/core/scene";
import { CameraSource, FlexAvatarComponent, GetFlexAvatarEngineOptions } from "babylon-flexavatar";

/** What a look gave. */
interface ILiveLook {
    /** Camera and avatar side by side, one row per look. */
    picture: string;
    notices: string[];
    latency: Record<string, number>[];
    handleMs: number[];
    fps: number;
}

/** @param seconds after calibration at which to look */
export async function ShowLiveAsync(photo: string, seconds: readonly number[]): Promise<ILiveLook> {
    const canvas = document.getElementById("canvas") as HTMLCanvasElement;
    const engine = new WebGPUEngine(canvas, GetFlexAvatarEngineOptions());
    await engine.initAsync();
    const scene = new Scene(engine);
    scene.clearColor = new Color4(0.3, 0.32, 0.35, 1);
    const camera = new ArcRotateCamera("camera", Math.PI / 2, Math.PI / 2, 0.75, new Vector3(0, 0, 0), scene);
    camera.minZ = 0.05;
    camera.fov = 0.55;
    const component = FlexAvatarComponent.GetOrCreate(scene, { modelsUrl: "/models/", runtimeUrls: "/runtime/" });
    const notices: string[] = [];
    component.onNoticeObservable.add(({ code, message }) => notices.push(`${code}: ${message}`));
    const avatar = await component.createFromPhotosAsync([photo], { refine: false, bust: "none" });
    camera.setTarget(avatar.neck.getAbsolutePosition().add(new Vector3(0, 0.1, 0)));
    camera.alpha = Math.PI / 2;
    camera.beta = Math.PI / 2;
    camera.radius = 0.75;
    const source = await CameraSource.OpenAsync();
    const handle = avatar.addSource(source);
    let frames = 0;
    engine.runRenderLoop(() => {
        scene.render();
        frames++;
    });
    await new Promise<void>((resolve) => {
        source.onStateObservable.add((state) => state === "following" && resolve());
    });
    const start = performance.now();
    frames = 0;
    const sheet = Object.assign(document.createElement("canvas"), { width: 960, height: 360 * seconds.length });
    const context = sheet.getContext("2d")!;
    const latency: Record<string, number>[] = [];
    const handleMs: number[] = [];
    for (const [row, second] of seconds.entries()) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 * second - (performance.now() - start))));
        const shot = await createImageBitmap(source.video);
        // The face of this picture is drawn some frames later.
        await new Promise((resolve) => setTimeout(resolve, 250));
        await new Promise<void>((resolve) => scene.onAfterRenderObservable.addOnce(() => resolve()));
        const drawn = await createImageBitmap(canvas);
        context.drawImage(shot, 0, 360 * row, 480, 360);
        context.drawImage(drawn, 480, 360 * row, 480, 360);
        latency.push({ ...source.latency });
        handleMs.push(handle.latencyMs);
    }
    const fps = frames / ((performance.now() - start) / 1000);
    source.dispose();
    return { picture: sheet.toDataURL("image/png"), notices, latency, handleMs, fps };
}

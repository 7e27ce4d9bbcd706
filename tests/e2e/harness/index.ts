/**
 * The page that scripts/demo.mjs and the end-to-end tests drive: a scene with a mesh character, and `window.flexDemo`.
 * With `?live=file` it is a saved avatar alone, and `window.flexLive`. It is no sample.
 */
import { FlexAvatarComponent } from "babylon-flexavatar";
import { DescribeError } from "../../../samples/shared/panel";
import { AssetsUrl, FlexAvatarUrl, LoadClipAsync } from "../../../samples/shared/stage";
import { FlexDemo } from "./demo";
import { StartLiveAsync } from "./live";
import { CreateStageAsync } from "./stage";

async function StartAsync(): Promise<void> {
    const canvas = document.getElementById("view") as HTMLCanvasElement;
    const saved = new URLSearchParams(location.search).get("live");
    if (saved) {
        window.flexLive = await StartLiveAsync(canvas, saved);
        return;
    }
    const stage = await CreateStageAsync(canvas);
    const component = FlexAvatarComponent.GetOrCreate(stage.scene, {
        assetsUrl: FlexAvatarUrl,
        cacheModels: false, // tests serve other files under the same hash
    });
    window.flexDemo = new FlexDemo(stage, component, await LoadClipAsync(`${AssetsUrl}phrase.glb`, stage.scene));
}

StartAsync().catch((error: unknown) => {
    const message = document.getElementById("message") as HTMLElement;
    message.hidden = false;
    message.textContent = DescribeError(error);
    throw error;
});

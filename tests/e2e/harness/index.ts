/**
 * The page that scripts/demo.mjs and the end-to-end tests drive: a scene with a mesh character, and `window.flexDemo`.
 * It is no sample.
 */
import { FlexAvatarComponent } from "babylon-flexavatar";
import { DescribeError } from "../../../samples/shared/panel";
import { AssetsUrl, FlexAvatarUrl, LoadClipAsync } from "../../../samples/shared/stage";
import { FlexDemo } from "./demo";
import { CreateStageAsync } from "./stage";

async function StartAsync(): Promise<void> {
    const stage = await CreateStageAsync(document.getElementById("view") as HTMLCanvasElement);
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

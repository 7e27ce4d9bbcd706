/**
 * For pages that may never show an avatar: makes `.flexavatar` files and avatars in `.babylon` files known to Babylon,
 * and loads the rest of the package when the first one comes. The block of node render graphs is not known: Babylon
 * makes blocks at once, without waiting.
 */
import type { AssetContainer } from "@babylonjs/core/assetContainer.js";
import { AddParser } from "@babylonjs/core/Loading/Plugins/babylonFileParser.function.js";
import { RegisterSceneLoaderPlugin, type SceneLoaderPluginOptions } from "@babylonjs/core/Loading/sceneLoader.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FileExtensions, PluginName, SerializedName } from "./plugin/names.js";

export type { FlexAvatarLoadingOptions } from "./plugin/files/flexAvatarLoader.js";

RegisterSceneLoaderPlugin({
    name: PluginName,
    extensions: FileExtensions,
    createPlugin: async (options: SceneLoaderPluginOptions) =>
        new (await import("./plugin/files/flexAvatarLoader.js")).FlexAvatarLoader(options[PluginName]),
});

AddParser(SerializedName, (parsed: Record<string, unknown>, scene: Scene, container: AssetContainer) => {
    if (parsed[SerializedName]) {
        const pending = {};
        scene.addPendingData(pending);
        void import("./plugin/files/avatarParser.js")
            .then(({ ParseAvatars }) => ParseAvatars(parsed, scene, container))
            .finally(() => scene.removePendingData(pending));
    }
});

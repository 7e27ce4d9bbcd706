/**
 * Loads `.flexavatar` files through Babylon's scene loader: `ImportMeshAsync`, `LoadAssetContainerAsync` and
 * `AppendSceneAsync`, also by drag and drop.
 */
import { AssetContainer } from "@babylonjs/core/assetContainer.js";
import {
    RegisterSceneLoaderPlugin,
    type ISceneLoaderAsyncResult,
    type ISceneLoaderPluginAsync,
    type ISceneLoaderPluginFactory,
    type ISceneLoaderProgressEvent,
    type SceneLoaderPluginOptions,
} from "@babylonjs/core/Loading/sceneLoader.js";
import type { IFileRequest } from "@babylonjs/core/Misc/fileRequest.js";
import type { LoadFileError } from "@babylonjs/core/Misc/fileTools.js";
import type { WebRequest } from "@babylonjs/core/Misc/webRequest.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { IFlexAvatarOptions } from "../componentOptions.js";
import { FlexAvatar } from "../avatar/flexAvatar.js";
import { FlexAvatarComponent } from "../flexAvatarComponent.js";
import { FileExtensions, PluginName } from "../names.js";

/**
 * Options under `pluginOptions.flexavatar`: those of the component, for a scene that has none yet, and a name for the
 * avatar.
 */
export type FlexAvatarLoadingOptions = Partial<IFlexAvatarOptions> & {
    /** Name of the avatar. Default: that in the file. */
    name?: string;
};

declare module "@babylonjs/core/Loading/sceneLoader.js" {
    // eslint-disable-next-line @typescript-eslint/naming-convention -- Babylon's
    export interface SceneLoaderPluginOptions {
        [PluginName]: FlexAvatarLoadingOptions;
    }
}

/**
 * A container with what came out of a `.flexavatar` file. Its avatars are on the GPU, and are drawn once they are added
 * to the scene.
 */
export class FlexAvatarContainer extends AssetContainer {
    /** The avatars among `transformNodes`. */
    public get avatars(): FlexAvatar[] {
        return this.transformNodes.filter((node) => node instanceof FlexAvatar);
    }
}

/** The scene loader plugin. The package registers it; a page only names a file. */
export class FlexAvatarLoader implements ISceneLoaderPluginAsync, ISceneLoaderPluginFactory {
    public readonly name = PluginName;
    public readonly extensions = FileExtensions;

    /** @param _options from `pluginOptions` */
    public constructor(private readonly _options: Readonly<FlexAvatarLoadingOptions> = {}) {}

    /** @internal */
    public createPlugin(options: SceneLoaderPluginOptions): ISceneLoaderPluginAsync {
        return new FlexAvatarLoader(options[PluginName]);
    }

    /** Fetches a file as Babylon does. Takes bytes too, and fails where the scene is disposed meanwhile. @internal */
    public loadFile(
        scene: Scene,
        fileOrUrl: File | string | ArrayBufferView,
        _rootUrl: string,
        onSuccess: (data: unknown, responseUrl?: string) => void,
        onProgress?: (event: ISceneLoaderProgressEvent) => void,
        useArrayBuffer?: boolean,
        onError?: (request?: WebRequest, exception?: LoadFileError) => void,
    ): IFileRequest | null {
        if (ArrayBuffer.isView(fileOrUrl)) {
            onSuccess(fileOrUrl);
            return null;
        }
        // Babylon drops the requests of a scene that is disposed, and would leave the caller waiting.
        const watch = scene.onDisposeObservable.addOnce(() => {
            const why = new FlexAvatarError("disposed", "The scene was disposed while a .flexavatar file was fetched.");
            onError?.(undefined, why as unknown as LoadFileError);
        });
        const done = (): boolean => scene.onDisposeObservable.remove(watch);
        return scene._loadFile(
            fileOrUrl,
            (data, responseUrl) => {
                done();
                onSuccess(data, responseUrl ?? undefined);
            },
            onProgress as (event: ProgressEvent) => void,
            true,
            useArrayBuffer,
            (request, exception) => {
                done();
                onError?.(request, exception);
            },
        );
    }

    /** Adds the avatar to the scene. @returns it among `transformNodes`, its pick proxy among `meshes` */
    public async importMeshAsync(
        _names: string | readonly string[] | null | undefined,
        scene: Scene,
        data: unknown,
        _rootUrl: string,
        onProgress?: (event: ISceneLoaderProgressEvent) => void,
    ): Promise<ISceneLoaderAsyncResult> {
        const avatar = await this._loadAsync(scene, data, onProgress);
        return {
            meshes: [avatar.proxyMesh],
            transformNodes: avatar._internals.nodes,
            particleSystems: [],
            skeletons: [],
            animationGroups: [],
            geometries: [],
            lights: [],
            spriteManagers: [],
        };
    }

    /** Adds the avatar to the scene. */
    public async loadAsync(
        scene: Scene,
        data: unknown,
        _rootUrl: string,
        onProgress?: (event: ISceneLoaderProgressEvent) => void,
    ): Promise<void> {
        await this._loadAsync(scene, data, onProgress);
    }

    /** @returns a {@link FlexAvatarContainer}; nothing of it is in the scene */
    public async loadAssetContainerAsync(
        scene: Scene,
        data: unknown,
        _rootUrl: string,
        onProgress?: (event: ISceneLoaderProgressEvent) => void,
    ): Promise<FlexAvatarContainer> {
        const avatar = await this._loadAsync(scene, data, onProgress);
        const container = new FlexAvatarContainer(scene);
        container.transformNodes.push(...avatar._internals.nodes);
        container.meshes.push(avatar.proxyMesh);
        container.removeAllFromScene();
        return container;
    }

    private async _loadAsync(
        scene: Scene,
        data: unknown,
        onProgress?: (event: ISceneLoaderProgressEvent) => void,
    ): Promise<FlexAvatar> {
        if (!(data instanceof ArrayBuffer || ArrayBuffer.isView(data))) {
            throw new FlexAvatarError(
                "file-format",
                "The loader of .flexavatar files was handed a text; it wants bytes.",
            );
        }
        const { name, ...options } = this._options;
        const bytes =
            data instanceof ArrayBuffer ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        return await FlexAvatarComponent.GetOrCreate(scene, options).loadAsync(bytes, {
            name,
            onProgress: ({ loadedBytes, totalBytes }) => {
                if (totalBytes) {
                    onProgress?.({ lengthComputable: true, loaded: loadedBytes ?? 0, total: totalBytes });
                }
            },
        });
    }
}

/** Makes the loader known to Babylon. Called by the package; calling it again replaces it by an equal one. */
export function RegisterFlexAvatarLoader(): void {
    RegisterSceneLoaderPlugin(new FlexAvatarLoader());
}

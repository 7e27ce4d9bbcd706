/** The same avatar, camera and clip on a WebGL engine beside the page's own. */
import "@babylonjs/core/Culling/ray"; // without it nothing is picked
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import type { AssetContainer } from "@babylonjs/core/assetContainer";
import { Engine } from "@babylonjs/core/Engines/engine";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { GaussianSplattingMesh } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingMesh";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarComponent, type FlexAvatar } from "babylon-flexavatar";
import { HeadCenter, type IStage } from "./stage";

export class WithoutWebGpu {
    private _exported: AssetContainer | null = null;
    private _splats: GaussianSplattingMesh | null = null;

    private constructor(
        public readonly engine: Engine,
        public readonly scene: Scene,
        public readonly avatar: FlexAvatar,
        public readonly notices: readonly string[],
        private readonly _stage: IStage,
        private readonly _bound: AnimationGroup,
    ) {}

    public static async OpenAsync(
        stage: IStage,
        clip: AnimationGroup,
        { options }: FlexAvatarComponent,
        file: ArrayBuffer,
    ): Promise<WithoutWebGpu> {
        const engine = new Engine(document.createElement("canvas"), true);
        const scene = new Scene(engine);
        scene.clearColor = stage.scene.clearColor;
        const camera = new FreeCamera("camera", stage.camera.globalPosition.clone(), scene);
        camera.fov = stage.camera.fov;
        camera.minZ = stage.camera.minZ;
        const component = FlexAvatarComponent.GetOrCreate(scene, options);
        const notices: string[] = [];
        component.onNoticeObservable.add(({ code }) => notices.push(code));
        const avatar = await component.loadAsync(file);
        avatar.position.copyFrom(HeadCenter);
        return new WithoutWebGpu(engine, scene, avatar, notices, stage, avatar.bindAnimationGroup(clip));
    }

    /** Goes to a frame of the clip, as `FlexDemo.goToFrame` does. */
    public goToFrame(frame: number): void {
        this._bound.start();
        this._bound.goToFrame(frame);
        this._bound.pause();
    }

    /** A picture from where the page's own camera is, as a data URL. */
    public async captureAsync(width: number, height = width): Promise<string> {
        const { engine, scene, avatar } = this;
        const camera = scene.activeCamera as FreeCamera;
        camera.position.copyFrom(this._stage.camera.globalPosition);
        camera.setTarget(this._stage.camera.target);
        engine.setSize(width, height);
        await avatar.whenReadyAsync();
        await scene.whenReadyAsync();
        engine.beginFrame();
        scene.render();
        engine.endFrame();
        return engine.getRenderingCanvas()!.toDataURL("image/png");
    }

    /** Shows the exported mesh of the avatar in its place. @returns names of its morph targets */
    public async showExportedAsync(): Promise<string[]> {
        const file = new Uint8Array(await this.avatar.exportMeshAsync());
        const container = await LoadAssetContainerAsync(file, this.scene, { pluginExtension: ".glb" });
        container.addAllToScene();
        this._exported = container;
        this.avatar.setEnabled(false);
        (container.rootNodes[0] as TransformNode).position.copyFrom(HeadCenter);
        const [targets] = container.morphTargetManagers;
        return Array.from({ length: targets.numTargets }, (_, i) => targets.getTarget(i).name);
    }

    /**
     * What copies of a container look like, one after the other. Each is drawn when the container and those before it
     * are gone; the last one goes then, too.
     */
    public async captureCopiesAsync(
        settings: readonly { cloneMaterials?: boolean; doNotInstantiate?: boolean }[],
        width: number,
    ): Promise<string[]> {
        const file = new Uint8Array(await this.avatar.saveAsync());
        const container = await LoadAssetContainerAsync(file, this.scene, { pluginExtension: ".flexavatar" });
        this.avatar.setEnabled(false);
        const copies = settings.map(({ cloneMaterials, doNotInstantiate }) =>
            container.instantiateModelsToScene((name) => `copy of ${name}`, cloneMaterials, { doNotInstantiate }),
        );
        container.dispose();
        copies.forEach(({ rootNodes: [root] }) => root.setEnabled(false));
        const pictures: string[] = [];
        for (const copy of copies) {
            const twin = copy.rootNodes[0] as FlexAvatar;
            twin.position.copyFrom(HeadCenter);
            twin.setEnabled(true);
            await twin.whenReadyAsync();
            pictures.push(await this.captureAsync(width));
            copy.dispose();
        }
        this.avatar.setEnabled(true);
        return pictures;
    }

    /** Shows splats in the avatar's place. @param frozen mesh of another scene, whose data is borrowed; null for none */
    public async showSplatsAsync(frozen: GaussianSplattingMesh | null): Promise<void> {
        this._splats?.dispose();
        this._splats = null;
        this.avatar.setEnabled(!frozen);
        if (frozen) {
            const mesh = (this._splats = new GaussianSplattingMesh("splats", null, this.scene, true));
            await mesh.updateDataAsync(frozen.splatsData!.slice(0));
            mesh.position.copyFrom(frozen.position);
            mesh.rotationQuaternion = frozen.rotationQuaternion!.clone();
            for (let frame = 0; frame < 4; frame++) {
                await this.captureAsync(400); // a worker sorts them
                await new Promise((resolve) => setTimeout(resolve, 250));
            }
        }
    }

    /** Milliseconds of a frame, drawn to its end: the mean over some, with the camera moving. */
    public async measureFrameAsync(frames = 5): Promise<number> {
        await this.captureAsync(400);
        const { engine, scene } = this;
        const start = performance.now();
        for (let frame = 0; frame < frames; frame++) {
            (scene.activeCamera as FreeCamera).position.x += 1e-3;
            engine.beginFrame();
            scene.render();
            engine.endFrame();
            await engine.readPixels(0, 0, 1, 1); // waits for the drawing
        }
        return (performance.now() - start) / frames;
    }

    /** Milliseconds of posing all Gaussians on the processor, as an avatar of splats would have to in every frame. */
    public async measurePosingAsync(): Promise<number> {
        const start = performance.now();
        (await this.avatar.toGaussianSplattingMeshAsync()).dispose();
        return performance.now() - start;
    }

    /** What the middle of the picture hits, and what is left in the scene when the avatar is gone. */
    public pickAndDispose(): { region: string | undefined; meshes: number; materials: number; textures: number } {
        const { engine, scene, avatar } = this;
        avatar.setEnabled(true);
        const info = scene.pick(
            engine.getRenderWidth() / 2,
            engine.getRenderHeight() / 2,
            (mesh) => mesh === avatar.proxyMesh,
        );
        const region = avatar.regionOf(info)?.region;
        this._exported?.dispose();
        avatar.dispose();
        scene.render();
        const { meshes, materials, textures, skeletons } = scene;
        const own = (list: readonly { name?: string }[]): number =>
            list.filter(({ name }) => name?.startsWith(avatar.name)).length;
        return {
            region,
            meshes: own(meshes) + own(skeletons),
            materials: own(materials),
            textures: own(textures),
        };
    }
}

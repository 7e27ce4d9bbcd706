/**
 * `window.flexLive`: a saved avatar that lives by itself, on an engine without WebGPU because that draws quickly
 * without a graphics card, and the library for what a test wants to put on it.
 */
import { ArcRotateCamera } from "@babylonjs/core/Cameras/arcRotateCamera";
import { Engine } from "@babylonjs/core/Engines/engine";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Scene } from "@babylonjs/core/scene";
import * as Flex from "babylon-flexavatar";
import { FlexAvatarUrl } from "../../../samples/shared/stage";

/** What a test works with. */
export interface IFlexLive {
    readonly Flex: typeof Flex;
    readonly avatar: Flex.FlexAvatar;
    readonly notices: { code: string; message: string }[];
    /** Frames drawn so far. */
    readonly frames: () => number;
}

/** @param file address of the saved avatar */
export async function StartLiveAsync(canvas: HTMLCanvasElement, file: string): Promise<IFlexLive> {
    const engine = new Engine(canvas, true);
    const scene = new Scene(engine);
    new ArcRotateCamera("camera", Math.PI / 2, Math.PI / 2, 0.8, Vector3.Zero(), scene).minZ = 0.05;
    const component = Flex.FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    const notices: { code: string; message: string }[] = [];
    component.onNoticeObservable.add(({ code, message }) => notices.push({ code, message }));
    const avatar = await component.loadAsync(file);
    avatar.addSource(new Flex.LifeSource({ seed: 3, blink: 60 }));
    let frames = 0;
    engine.runRenderLoop(() => {
        scene.render();
        frames++;
    });
    return { Flex, avatar, notices, frames: () => frames };
}

declare global {
    interface Window {
        flexLive?: IFlexLive;
    }
}

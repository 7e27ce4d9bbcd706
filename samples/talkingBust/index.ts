/**
 * Talking bust: a person with hair and shoulders on a plinth beside a mesh character. It speaks a clip, breathes with
 * its torso, and turns its head while its shoulders stay. This file is the whole use of the library; `stage.ts` is the
 * scene around it.
 */
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { FlexAvatarComponent, FlexAvatarError, type FlexAvatar } from "babylon-flexavatar";
import { AssetsUrl, ComponentUrls, RunScene } from "../shared";
import { CreateStageAsync, type IStage } from "./stage";

const say = (text: string) => (document.getElementById("message")!.textContent = text);
const input = (id: string) => document.getElementById(id) as HTMLInputElement;

async function startAsync(): Promise<void> {
    const stage = await CreateStageAsync(document.getElementById("view") as HTMLCanvasElement);
    RunScene(stage.scene);

    const component = FlexAvatarComponent.GetOrCreate(stage.scene, ComponentUrls);
    const onProgress = ({ stage, fraction }: { stage: string; fraction: number }) =>
        say(`${stage} ${Math.round(100 * fraction)} %`);
    // A saved avatar with ?avatar=address, otherwise one made from the bundled portrait.
    const saved = new URLSearchParams(location.search).get("avatar");
    const avatar = saved
        ? await component.loadAsync(new URL(saved, location.href), { onProgress })
        : await component.createFromPhotosAsync([`${AssetsUrl}astronaut.png`], { onProgress });

    await showAsync(avatar, stage);
    window.talkingBust = { avatar, stage };
    say("Drag to look around.");
}

async function showAsync(avatar: FlexAvatar, { scene, shadows, plinth }: IStage): Promise<void> {
    // On the plinth: the bust ends 36 cm below the avatar's origin and fades out there.
    avatar.parent = plinth;
    avatar.position.y = 0.32;
    avatar.hairSpring = {};
    shadows.addShadowCaster(avatar.proxyMesh);

    // It speaks. The clip turns the face's joints; the torso is left to us.
    const clip = (await LoadAssetContainerAsync(`${AssetsUrl}phrase.glb`, scene)).animationGroups[0];
    clip.stop();
    avatar.bindAnimationGroup(clip, { torso: false }).start(true);

    // It breathes, sways a little, and looks around; the slider comes on top.
    let seconds = 0;
    scene.onBeforeRenderObservable.add(() => {
        seconds += scene.deltaTime / 1000;
        avatar.torso.position.y = 0.003 * Math.sin(1.6 * seconds);
        avatar.torso.rotation.x = 0.012 * Math.sin(1.6 * seconds + 0.4);
        avatar.neck.rotation.y = 0.35 * Math.sin(0.7 * seconds) + (Number(input("turn").value) * Math.PI) / 180;
    });

    input("bust").addEventListener("change", () => (avatar.bust = input("bust").checked ? "auto" : "none"));
    input("hair").addEventListener("change", () => (avatar.hair = input("hair").checked ? "auto" : "scalp"));
    input("spring").addEventListener("change", () => (avatar.hairSpring = input("spring").checked ? {} : null));
}

startAsync().catch((error: unknown) => {
    say(
        error instanceof FlexAvatarError
            ? `${error.message}\n${error.advice}`
            : `The page could not start. ${String(error)}`,
    );
    throw error;
});

declare global {
    interface Window {
        /** For scripts. */
        talkingBust?: { avatar: FlexAvatar; stage: IStage };
    }
}

/**
 * Mixed scene: a head of Gaussians on the shoulders of a mesh character, with a hat and glasses on its skin, shadows on
 * the ground, and a click that says what it hit. This file is the whole use of the library; `stage.ts` is the scene
 * around it, `props.ts` the things to wear.
 */
import "@babylonjs/core/Culling/ray";
import { PointerEventTypes } from "@babylonjs/core/Events/pointerEvents";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { FlexAvatarComponent, FlexAvatarError, type FlexAvatar } from "babylon-flexavatar";
import { AssetsUrl, ComponentUrls, RunScene } from "../shared";
import { CreateGlasses, CreateHat } from "./props";
import { CreateStageAsync, type IStage } from "./stage";

const parameters = new URLSearchParams(location.search);
const say = (text: string) => (document.getElementById("message")!.textContent = text);
const input = (id: string) => document.getElementById(id) as HTMLInputElement;

async function startAsync(): Promise<void> {
    const stage = await CreateStageAsync(document.getElementById("view") as HTMLCanvasElement);
    RunScene(stage.scene);

    const component = FlexAvatarComponent.GetOrCreate(stage.scene, ComponentUrls);
    const onProgress = ({ stage, fraction }: { stage: string; fraction: number }) =>
        say(`${stage} ${Math.round(100 * fraction)} %`);
    // A saved avatar with ?avatar=address, otherwise one made from the bundled portrait.
    const saved = parameters.get("avatar");
    const avatar = saved
        ? await component.loadAsync(new URL(saved, location.href), { onProgress })
        : await component.createFromPhotosAsync([`${AssetsUrl}astronaut.png`], { onProgress });

    await dressAsync(avatar, stage);
    window.mixedScene = { avatar, stage };
    say("Click the head: this line says what you hit.");
}

async function dressAsync(avatar: FlexAvatar, { scene, shadows, character }: IStage): Promise<void> {
    // On the character's neck: its own head goes, and the new one follows the bone through the idle clip.
    avatar.attachToCharacter(character, "head");

    // Things to wear follow this person's skin.
    const hat = CreateHat(scene);
    hat.parent = avatar.attachToSurface("crown");
    const glasses = CreateGlasses(scene);
    glasses.parent = avatar.attachToSurface("noseBridge");

    // The head casts its shadow by its proxy mesh; hat and glasses are ordinary meshes. Splats take shadows as a tint.
    shadows.addShadowCaster(avatar.proxyMesh);
    shadows.addShadowCaster(hat);
    shadows.addShadowCaster(glasses);
    avatar.splatMesh.receiveShadows = true;

    // It talks.
    const clip = (await LoadAssetContainerAsync(`${AssetsUrl}phrase.glb`, scene)).animationGroups[0];
    clip.stop();
    avatar.bindAnimationGroup(clip).start(true);

    // A click names the part of the face, and leaves a node there that goes along with the skin.
    scene.onPointerObservable.add(({ pickInfo }) => {
        const region = pickInfo && avatar.regionOf(pickInfo);
        const name = region ? region.region : pickInfo?.hit ? pickInfo.pickedMesh!.name : "nothing";
        say(region ? `${name}\natlas ${region.uv.u.toFixed(3)}, ${region.uv.v.toFixed(3)}` : name);
    }, PointerEventTypes.POINTERTAP);

    input("hat").addEventListener("change", () => hat.setEnabled(input("hat").checked));
    input("glasses").addEventListener("change", () => glasses.setEnabled(input("glasses").checked));
    input("shadows").addEventListener("change", () => (shadows.getLight().shadowEnabled = input("shadows").checked));
    // On top of the idle clip and after it: the character turns its head, and the neck of Gaussians twists along.
    const bone = character.getChildTransformNodes().find(({ name }) => name === "head")!;
    scene.onAfterAnimationsObservable.add(() => {
        bone.rotationQuaternion!.multiplyInPlace(
            Quaternion.RotationAxis(Vector3.Up(), (Number(input("turn").value) * Math.PI) / 180),
        );
    });
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
        mixedScene?: { avatar: FlexAvatar; stage: IStage };
    }
}

/** Clip: the morph weights and head turns of an animation clip drive the avatar; gaze, neck and speed stay yours. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { FlexAvatarComponent, LoadVrmAnimationAsync, LookAtSource } from "babylon-flexavatar";
import { LoadFlameTakeAsync } from "../shared/flameTake";
import { AddPersonAsync, AssetsUrl, FlexAvatarUrl, LoadClipAsync, ShowAsync } from "../shared/stage";

await ShowAsync(async ({ scene, panel }) => {
    const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    const avatar = await AddPersonAsync(component, panel);
    let bound: AnimationGroup | null = null;

    /** A bound clip is an AnimationGroup of Babylon's: weights, blending, loops and masks are its own. */
    function play(clip: AnimationGroup): void {
        start(() => avatar.bindAnimationGroup(clip));
    }

    function start(bind: () => AnimationGroup): void {
        bound?.dispose();
        avatar.resetPose();
        bound = bind();
        bound.start(true, Number(speed.value));
    }

    const pause = panel.addButton("Pause", () => {
        if (bound!.isPlaying) {
            bound!.pause();
        } else {
            bound!.play(true);
        }
        pause.textContent = bound!.isPlaying ? "Pause" : "Play";
    });
    const time = panel.addSlider("Time", [0, 1], 0, (value) => {
        bound!.pause();
        bound!.goToFrame(bound!.from + value * (bound!.to - bound!.from));
        pause.textContent = "Play";
    });
    const speed = panel.addSlider("Speed", [0.2, 2], 1, (value) => (bound!.speedRatio = value));
    const gaze = avatar.addSource(new LookAtSource("camera"), { weight: 0 }); // mixed with the clip
    panel.addSwitch("Looks at you", false, (on) => gaze.fadeTo(on ? 1 : 0, 0.4));
    panel.addSlider("Head turn, on top of the clip", [-1, 1], 0, (value) => (avatar.neck.rotation.y = value));
    const label = "Your clip: glTF, VRM, or your FLAME with its tracker's .npz";
    panel.addFiles(label, ".glb,.gltf,.vrma,.pkl,.npz", async (files) => {
        const load = files[0].name.endsWith(".vrma") ? LoadVrmAnimationAsync : LoadClipAsync;
        if (files.length > 1) {
            start(await LoadFlameTakeAsync(files, avatar, panel));
        } else {
            play(await load(files[0], scene));
        }
    });

    scene.onBeforeRenderObservable.add(() => {
        if (bound?.isPlaying) {
            const { from, to, animatables } = bound;
            time.value = String(((animatables[0]?.masterFrame ?? from) - from) / (to - from));
        }
    });
    play(await LoadClipAsync(`${AssetsUrl}phrase.glb`, scene));
});

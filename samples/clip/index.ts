/** Clip: the morph weights and head turns of an animation clip drive the avatar; gaze, neck and speed stay yours. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import {
    FlexAvatarComponent,
    LoadFaceClipAsync,
    LoadFlameFaceMapAsync,
    LoadVrmAnimationAsync,
    LookAtSource,
} from "babylon-flexavatar";
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
    const accepted = ".glb,.gltf,.vrma,.pkl,.npz";
    panel.addFiles(
        "Your clip: glTF, VRM, or your FLAME with its tracker's .npz",
        accepted,
        async ([file, ...others]) => {
            if (others.length > 0) {
                // Two files: the larger one is the model, the other one a sequence of its coefficients.
                const [model, sequence] = [file, others[0]].sort((a, b) => b.size - a.size);
                const flame = await LoadFlameFaceMapAsync(model, { assetsUrl: FlexAvatarUrl });
                const clip = await LoadFaceClipAsync(sequence, { flame });
                panel.say(`The 52 tracks make ${Math.round(100 * (1 - clip.residual))} % of its movement.`);
                start(() => clip.toAnimationGroup(avatar));
                return;
            }
            play(
                file.name.endsWith(".vrma")
                    ? await LoadVrmAnimationAsync(file, scene)
                    : await LoadClipAsync(file, scene),
            );
        },
    );

    scene.onBeforeRenderObservable.add(() => {
        if (bound?.isPlaying) {
            time.value = String(
                ((bound.animatables[0]?.masterFrame ?? bound.from) - bound.from) / (bound.to - bound.from),
            );
        }
    });
    play(await LoadClipAsync(`${AssetsUrl}phrase.glb`, scene));
});

/** Sliders: the 52 ARKit expressions, like those of a MorphTargetManager, and the joints, which are nodes. */
import { ArkitExpressionNames, FlexAvatarComponent } from "babylon-flexavatar";
import { AddPersonAsync, FlexAvatarUrl, ShowAsync } from "../shared/stage";

/** Faces made of several expressions. */
const Faces: Record<string, Record<string, number>> = {
    Neutral: {},
    Smile: { mouthSmileLeft: 0.9, mouthSmileRight: 0.9, cheekSquintLeft: 0.6, cheekSquintRight: 0.6, jawOpen: 0.08 },
    Surprise: {
        browInnerUp: 1,
        browOuterUpLeft: 0.9,
        browOuterUpRight: 0.9,
        eyeWideLeft: 0.8,
        eyeWideRight: 0.8,
        jawOpen: 0.45,
    },
    Wink: { eyeBlinkLeft: 1, cheekSquintLeft: 0.7, mouthSmileLeft: 0.7, mouthSmileRight: 0.2 },
    Kiss: { mouthPucker: 1, eyeBlinkLeft: 0.4, eyeBlinkRight: 0.4 },
    Frown: {
        browDownLeft: 1,
        browDownRight: 1,
        mouthFrownLeft: 0.8,
        mouthFrownRight: 0.8,
        noseSneerLeft: 0.4,
        noseSneerRight: 0.4,
    },
};
const Parts = ["mouth", "jaw", "cheek", "eye", "brow", "nose", "tongue"];

await ShowAsync(async ({ scene, panel }) => {
    const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    const avatar = await AddPersonAsync(component, panel);
    const sliders = new Map<string, HTMLInputElement>();

    const face = panel.addChoice("Face", Object.keys(Faces), (name) => {
        for (const expression of ArkitExpressionNames) {
            const influence = Faces[name][expression] ?? 0;
            avatar.expression.getTrack(expression).influence = influence;
            sliders.get(expression)!.value = String(influence);
        }
    });

    panel.addTitle("Joints");
    panel.addSlider("Turn", [-0.9, 0.9], 0, (value) => (avatar.neck.rotation.y = value));
    panel.addSlider("Nod", [-0.4, 0.4], 0, (value) => (avatar.neck.rotation.x = value));
    panel.addSlider("Tilt", [-0.4, 0.4], 0, (value) => (avatar.neck.rotation.z = value));
    panel.addSlider("Gaze", [-0.5, 0.5], 0, (value) => {
        avatar.leftEye.rotation.y = avatar.rightEye.rotation.y = value;
    });

    for (const part of Parts) {
        panel.addTitle(part[0].toUpperCase() + part.slice(1));
        for (const name of ArkitExpressionNames.filter((each) => each.startsWith(part))) {
            const set = (influence: number) => (avatar.expression.getTrack(name).influence = influence);
            sliders.set(name, panel.addSlider(name, [0, 1], 0, set));
        }
    }
    face.value = "Smile";
    face.dispatchEvent(new Event("change"));
});

// Golden images of a synthetic avatar in Babylon scenes. The head is a bumpy half ellipsoid with random colors:
// nobody's face, but every pass is in it.
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { AddAvatarAsync, AddBox, CaptureAsync, CreateStageAsync, MakeSynthetic, type IStage } from "../support/stage";
import { ExpectGoldenAsync, type IGoldenLimits } from "../support/golden";

const Limits: IGoldenLimits = {
    mean: 0.25,
    percentile: 4,
    reason: "another adapter rounds f16 records and blends a little differently",
};

describe("golden images", () => {
    let stage: IStage;
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    for (const [name, rightHanded, samples] of [
        ["mixedScene", false, 4],
        ["mixedSceneRightHanded", true, 1],
    ] as const) {
        it(name, async () => {
            stage = await CreateStageAsync({ rightHanded, samples });
            stage.scene.clearColor = new Color4(0.16, 0.18, 0.21, 1);
            const avatar = await AddAvatarAsync(stage, MakeSynthetic());
            avatar.rotation.y = 0.5;
            avatar.neck.rotation.x = 0.25;
            avatar.jaw.rotation.x = 0.3;
            avatar.expression.getTarget(4).influence = 1;
            AddBox(stage.scene, "near", new Color3(0.85, 0.45, 0.2), 0.05, new Vector3(0.06, -0.05, 0.14)).rotation.set(
                0.4,
                0.6,
                0.2,
            );
            AddBox(stage.scene, "far", new Color3(0.2, 0.45, 0.7), 0.16, new Vector3(-0.08, 0.06, -0.2)).rotation.set(
                0.3,
                0.5,
                0,
            );
            await ExpectGoldenAsync(`plugin/${name}`, await CaptureAsync(stage), Limits);
        });
    }
});

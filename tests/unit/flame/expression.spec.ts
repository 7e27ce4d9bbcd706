import {
    ArkitNameOf,
    ArkitNames,
    CreateExpressionPose,
    EffectivePose,
    ExpressionIndex,
} from "../../../src/flame/expression";
import { OpenHeadAsync, TinyHead } from "../../support/heads";

describe("expression names", () => {
    it("are 52 different ones", () => {
        expect(new Set(ArkitNames).size).toBe(52);
    });

    const spellings: [string, string | undefined][] = [
        ["jawOpen", "jawOpen"],
        ["JawOpen", "jawOpen"],
        ["JAWOPEN", "jawOpen"],
        ["ARKit_jawOpen", "jawOpen"],
        ["ARKitJawOpen", "jawOpen"],
        ["blendShape1.jawOpen", "jawOpen"],
        ["Head|blendShape1.JawOpen", "jawOpen"],
        ["jaw_open", "jawOpen"],
        ["mouthSmile_L", "mouthSmileLeft"],
        ["mouthSmileL", "mouthSmileLeft"],
        ["mouth_smile_left", "mouthSmileLeft"],
        ["mouthSmile.left", "mouthSmileLeft"],
        ["eyeBlink_R", "eyeBlinkRight"],
        ["EyeBlinkRight", "eyeBlinkRight"],
        ["mouthRollUpper", "mouthRollUpper"],
        ["mouthLeft", "mouthLeft"],
        ["jawL", "jawLeft"],
        ["mouthPucker", "mouthPucker"],
        ["smile", undefined],
        ["mouthSmile", undefined],
        ["jawOpening", undefined],
        ["", undefined],
        ["_L", undefined],
    ];
    for (const [spelling, name] of spellings) {
        it(`read "${spelling}" as ${name ?? "nothing"}`, () => {
            expect(ArkitNameOf(spelling)).toBe(name as ReturnType<typeof ArkitNameOf>);
        });
    }

    it("each mean themselves, with prefix and with short side", () => {
        for (const name of ArkitNames) {
            const short = name.replace(/Left$/, "_L").replace(/Right$/, "_R");
            expect([name, `Face.${name}`, short].map(ArkitNameOf)).toEqual([name, name, name]);
        }
    });

    it("all exist in the shipped head, under any spelling", async () => {
        const model = await OpenHeadAsync();
        ArkitNames.forEach((name) =>
            expect(model.expressions[ExpressionIndex(model, `x.${name.toUpperCase()}`)]).toBe(name),
        );
        expect(ExpressionIndex(model, "wink")).toBe(-1);
    });
});

describe("effective pose", () => {
    it("adds what expressions turn to the given angles", () => {
        const model = TinyHead();
        const pose = CreateExpressionPose(model);
        pose.pose[4] = 0.2;
        pose.pose[6] = 0.1;
        pose.expression[ExpressionIndex(model, "jawOpen")] = 0.5;
        const effective = EffectivePose(model, pose, new Float32Array(15).fill(9));
        expect(effective[4]).toBeCloseTo(0.2, 6);
        expect(effective[6]).toBeCloseTo(0.1 + 0.5 * 0.5, 6);
        expect(effective.filter((value) => value !== 0).length).toBe(2);
    });
});

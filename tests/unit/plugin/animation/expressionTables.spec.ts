// What morphs of other sets mean: names as files have them, and tables that are whole.
import { ArkitNameOf, ArkitNames } from "../../../../src/flame/expression";
import {
    CharacterCreatorExpressions,
    FindMorphMeaning,
    MetaHumanExpressions,
    OculusVisemes,
    VrmExpressions,
} from "../../../../src/plugin/animation/expressionTables";

const Tables = { CharacterCreatorExpressions, MetaHumanExpressions, OculusVisemes, VrmExpressions };

/** `jawOpen 1, mouthFunnel 0.5`, by name. */
function Spell(name: string): string | null {
    const meaning = FindMorphMeaning(name);
    return (
        meaning &&
        Object.entries(meaning.weights)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([track, weight]) => `${track} ${weight}`)
            .join(", ")
    );
}

describe("expression tables", () => {
    it("name only ARKit's expressions, with weights between 0 and 1", () => {
        for (const [table, entries] of Object.entries(Tables)) {
            expect(Object.keys(entries).length).withContext(table).toBeGreaterThan(14);
            for (const [name, weights] of Object.entries(entries)) {
                for (const [track, weight] of Object.entries(weights)) {
                    expect(ArkitNames as readonly string[])
                        .withContext(`${table}.${name}`)
                        .toContain(track);
                    expect(weight > 0 && weight <= 1)
                        .withContext(`${table}.${name}.${track}`)
                        .toBeTrue();
                }
            }
        }
    });

    it("are the same on both sides of the face", () => {
        const mirror = (name: string) =>
            name
                .replace(/Left|Right/, (side) => (side === "Left" ? "Right" : "Left"))
                .replace(/^(mouth|jaw)(Left|Right)$/, "$1$2");
        for (const [table, entries] of Object.entries(Tables)) {
            for (const [name, weights] of Object.entries(entries)) {
                const other = entries[mirror(name)];
                if (/Left/.test(name) && !/[Ll]ook/.test(name) && other) {
                    const mirrored = Object.fromEntries(
                        Object.entries(weights).map(([track, weight]) => [mirror(track), weight]),
                    );
                    expect(other).withContext(`${table}.${name}`).toEqual(mirrored);
                } else if (!/[LR]$|Left|Right|Eye_[LR]_|ウィンク/.test(name)) {
                    const sided = Object.entries(weights).filter(
                        ([track]) => /Left|Right/.test(track) && !/^(mouth|jaw)(Left|Right)$/.test(track),
                    );
                    for (const [track, weight] of sided) {
                        const opposite = (weights as Record<string, number>)[mirror(track)];
                        expect(/^look|Skewer/.test(name) ? weight : opposite)
                            .withContext(`${table}.${name}.${track}`)
                            .toBe(weight);
                    }
                }
            }
        }
    });

    it("find every ARKit name in every usual spelling", () => {
        const snake = (name: string) => name.replace(/([A-Z])/g, "_$1").toLowerCase();
        const pascal = (name: string) => name[0].toUpperCase() + name.slice(1);
        const short = (name: string) => name.replace(/Left$/, "_L").replace(/Right$/, "_R");
        for (const name of ArkitNames) {
            for (const spelled of [
                name,
                pascal(name),
                snake(name),
                name.toUpperCase(),
                name.toLowerCase(),
                short(name),
                short(snake(name)),
                pascal(short(name)).replace("_", "."),
                short(name).replace("_", ""),
                `blendShape1.${name}`,
                `Wolf3D_Head.${short(name)}`,
                `BS_${pascal(name)}`,
                `BS${pascal(name)}`,
                `ARKit_${pascal(name)}`,
                `Face|${name}`,
                `head_lod0:${snake(name)}`,
                `${name}.001`,
                `A07_${pascal(short(name))}`,
                `Face.M_F00_000_00_${pascal(name)}`,
            ]) {
                expect(Spell(spelled)).withContext(spelled).toBe(`${name} 1`);
            }
        }
        expect(ArkitNameOf("jawOpen.001")).toBe("jawOpen");
        expect(ArkitNameOf("BSJawOpen")).toBe("jawOpen");
    });

    it("find visemes and expressions of other sets behind their prefixes", () => {
        const same: readonly (readonly [string, ...string[]])[] = [
            [
                "aa",
                "viseme_aa",
                "viseme_AA",
                "Viseme.aa",
                "visemeAA",
                "Wolf3D_Head.viseme_aa",
                "vrc.v_aa",
                "v_aa",
                "oculus_viseme_aa",
                "Fcl_MTH_A",
                "Face.M_F00_000_00_Fcl_MTH_A",
                "あ",
            ],
            ["O", "viseme_O", "vrc.v_oh", "oh", "Fcl_MTH_O", "お"],
            ["PP", "viseme_PP", "vrc.v_pp", "V_Explosive", "Mouth_Plosive", "B_M_P"],
            ["blink", "Blink", "eyeBlink", "Eye_Blink", "vrc.blink", "Fcl_EYE_Close", "まばたき"],
            [
                "blinkLeft",
                "Blink_L",
                "vrc.blink_left",
                "eyeBlink_L",
                "Fcl_EYE_Close_L",
                "CTRL_expressions_eyeBlinkL",
                "Eye_Blink_L",
                "ウィンク",
            ],
            ["joy", "happy", "Happy", "VRM.Joy", "Fcl_ALL_Joy"],
            [
                "CTRL_expressions_mouthCornerPullL",
                "Mouth_Smile_L",
                "mouthCornerPullL",
                "head_lod0_mesh__mouth_cornerPull_L",
            ],
            ["Brow_Raise_Outer_R", "CTRL_expressions_browRaiseOuterR", "browOuterUp_R"],
            ["Mouth_Up_Upper_L", "CTRL_expressions_mouthUpperLipRaiseL", "mouthUpperUpLeft"],
            ["Eye_R_Look_Up", "eyeLookUpRight", "CTRL_expressions_eyeLookUpR"],
            ["Eye_L_Look_L", "CTRL_expressions_eyeLookLeftL", "eyeLookOut_L"],
            ["Jaw_Forward", "CTRL_expressions_jawFwd", "jawForward"],
            ["mouthSmile", "Mouth_Smile", "mouth_smile"],
        ];
        for (const [first, ...others] of same) {
            const wanted = Spell(first);
            expect(wanted).withContext(first).not.toBeNull();
            for (const other of others) {
                expect(Spell(other)).withContext(`${other} as ${first}`).toBe(wanted);
            }
        }
        expect(Spell("browInnerUp_L")).toBe("browInnerUp 0.5");
        expect(Spell("mouthFunnelUL")).toBe("mouthFunnel 0.25");
        expect(Spell("lookLeft")).toBe("eyeLookInRight 1, eyeLookOutLeft 1");
        expect(Spell("viseme_sil")).toBe("");
        expect(Spell("V_Open")).toContain("jawOpen 0.6");
        expect(Spell("V_Tight_O")).toContain("mouthFunnel");
    });

    it("find nothing in names that only end alike", () => {
        for (const name of [
            "ears_wiggle",
            "biceps",
            "Head_Look_Up",
            "hair_a",
            "sleeve_o",
            "Ear_Up_L",
            "jaw",
            "mouth",
            "banana",
            "Tail_I",
            "shoulder_R",
            "belt_e",
            "Basis",
            "unhappy_cat_tail",
        ]) {
            expect(Spell(name)).withContext(name).toBeNull();
        }
    });
});

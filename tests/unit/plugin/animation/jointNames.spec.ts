// Rig names: which nodes turn a joint and which must not. The lists are what character files call them.
import { FindJoint, IsBodyBone, IsTorsoBone, type JointName } from "../../../../src/plugin/animation/jointNames";

const Yes: Readonly<Record<JointName, string>> = {
    neck: `
        Head|head|HEAD|Neck|neck|mixamorig:Head|mixamorigHead|mixamorig_Head|mixamorig9:Head|mixamorig9Head|mixamorig:Neck|mixamorigneck
        Armature/Head|Head.001|head_01|Head1|neck_01|neck_02|Neck1|Neck2|neck01|neck.001|CC_Base_Head|CC_Base_NeckTwist01|CC_Base_NeckTwist02
        J_Bip_C_Head|J_Bip_C_Neck|Normalized_J_Bip_C_Head|Bip01 Head|Bip01_Head|Bip001 Neck|Bip001 Neck1|Bip01-Head|ValveBiped.Bip01_Head1
        ValveBiped.Bip01_Neck1|DEF-head|DEF-neck|ORG-head|DEF-spine.006|DEF-spine.005|DEF-spine.004|spine.006|ORG-spine.006|neckLower|neckUpper
        head.x|neck.x|c_head.x|Head_M|Neck_M|NeckPart1_M|Character1_Head|Character1_Neck|head_joint|neck_1_joint|neck_4_joint|head_jnt|C_head_JNT
        head_bone|HeadBone|Bone.Head|Bn_Head|b_Head|B-head|mHead|mNeck|Skel_Head|SK_Head|Genesis8Female_head|Avatar:Head|Ada:Neck
        head neck upper|head neck lower|頭|首|faceAnchor|ARFaceAnchor|Root_Head|head_skin|Head_Bind|01_Head`,
    jaw: `
        jaw|Jaw|JAW|mixamorig:Jaw|CC_Base_JawRoot|DEF-jaw|ORG-jaw|jaw_master|jawbone.x|FACIAL_C_Jaw|lowerJaw|lowerjaw|Jaw_M|jaw_joint|jaw_JNT|C_jaw_jnt
        head jaw|mFaceJaw|J_Bip_C_Jaw|Jaw.001|jaw_01|mandible|JawBone|あご|Bip01 Jaw|Bone_Jaw|face_jaw`,
    leftEye: `
        LeftEye|leftEye|lefteye|LEFTEYE|Eye_L|eye.L|eye.l|lEye|l_eye|L_Eye|LEye|EyeLeft|eye_left|mixamorig:LeftEye|mixamorigLeftEye|CC_Base_L_Eye
        J_Adj_L_FaceEye|J_Bip_L_Eye|FACIAL_L_Eye|DEF-eye.L|ORG-eye.L|c_eye.l|left_eye_joint|left_eyeball_joint|L_eye_jnt|eye_L_JNT|mEyeLeft
        head eyeball left|Eye_L.001|LeftEye1|eyeball_L|Bip01 L Eye|左目|leftEyeBone`,
    rightEye: `
        RightEye|rightEye|righteye|Eye_R|eye.R|rEye|r_eye|R_Eye|REye|EyeRight|mixamorig:RightEye|CC_Base_R_Eye|J_Adj_R_FaceEye|FACIAL_R_Eye
        DEF-eye.R|right_eye_joint|R_eye_jnt|mEyeRight|head eyeball right|右目`,
};

const No = `
    HeadTop_End|mixamorig:HeadTop_End|head_end|Head_End|HeadEnd|Head.end|Bip01 HeadNub|head_leaf|headband|Headphones|head_phones|ponytail_head|HeadGear
    head_gear|forehead|overhead|arrowhead|Head_Attach|head_slot|HeadTarget|head_ik|EyeBrow|Eyebrow_L|eye_brow_L|eyelid|eyelid_L|LeftEyelid|EyeLid_R|eyelash_L
    LeftEyeTop|left_eyeUpperLid_joint|CC_Base_L_EyelidUpper|J_Adj_L_FaceEyeHighlight|FACIAL_L_EyeParallel|FACIAL_L_EyelidUpperA|FACIAL_C_Neck1Root
    FACIAL_C_FacialRoot|eye_target_L|EyeTarget.L|Eye|eyes|eye_C|eyeglasses|Jaw_end|JawEnd|jaw_L|jaw.R|jawline|jawTarget|upperJaw|CC_Base_UpperJaw|upper_jaw
    neckerchief|necklace|neck_tie|NeckTie|neck_ribbon_01|bottleneck|Neck_L|CC_Base_Tongue01|teeth_head|hammer_head|Spine|spine_01|spine_04|spine.003|Spine3
    Hips|Bip01|Armature|root|__root__|LeftEyeRightEye|Wolf3D_Head_Mesh|hairhead|J_Sec_Hair1_01|headlight|Head_L|`;

const Torso = `
    Spine|spine|Spine1|Spine2|mixamorig:Spine|mixamorigSpine2|mixamorig9:Spine1|spine_01|spine_05|CC_Base_Spine01|CC_Base_Spine02|J_Bip_C_Spine
    J_Bip_C_Chest|J_Bip_C_UpperChest|chest|upperChest|UpperChest|Bip01 Spine|Bip001 Spine1|ValveBiped.Bip01_Spine2|DEF-spine.001|DEF-spine.003
    ORG-spine.002|spine.003|spine_01.x|spine_02.x|Spine1_M|Chest_M|Character1_Spine|spine_1_joint|spine_7_joint|mTorso|mChest|abdomenLower|chestUpper
    spine01|上半身|上半身2|torso|Skel_Spine1|C_spine_JNT|SpineBone`;

const NoTorso = `
    Hips|pelvis|Waist|spine.004|DEF-spine.005|DEF-spine.006|DEF-spine|ORG-spine|spine.006|Head|neck_01|LeftShoulder|clavicle_l|Chest_L|spine_ik|SpineTarget
    breast.L|backpack|chestplate|treasure chest|下半身|hip|root`;

const List = (text: string): string[] =>
    text
        .split(/[|\n]/)
        .map((name) => name.trim())
        .filter((name) => name.length > 0);

describe("joint names", () => {
    it("are found in every rig's spelling", () => {
        const all = Object.entries(Yes).flatMap(([joint, names]) => List(names).map((name) => ({ joint, name })));
        expect(all.length).toBeGreaterThan(150);
        const wrong = all
            .filter(({ joint, name }) => FindJoint(name) !== joint)
            .map(({ joint, name }) => `${name} is ${FindJoint(name)}, not ${joint}`);
        expect(wrong).toEqual([]);
    });

    it("are not found in what only sounds like them", () => {
        const names = List(No);
        expect(names.length).toBeGreaterThan(70);
        expect(names.filter((name) => FindJoint(name) !== null)).toEqual([]);
    });

    it("may have a prefix of one's own if the body has it too", () => {
        expect(FindJoint("Boy_Head")).toBeNull();
        expect(FindJoint("Boy_Head", ["Boy_Neck", "Boy_Spine2"])).toBe("neck");
        expect(FindJoint("boyLeftEye", ["boyHead", "boyNeck"])).toBe("leftEye");
        expect(FindJoint("Boy_HeadTop_End", ["Boy_Head"])).toBeNull();
        expect(FindJoint("ponytail_head", ["ponytail_root", "Head", "Neck"])).toBeNull();
        expect(FindJoint("hat_head", ["Head", "hat_root"])).toBeNull();
    });

    it("tell what turns the chest", () => {
        expect(List(Torso).length).toBeGreaterThan(35);
        expect(List(Torso).filter((name) => !IsTorsoBone(name))).toEqual([]);
        expect(List(NoTorso).filter((name) => IsTorsoBone(name))).toEqual([]);
        for (const name of Object.values(Yes).flatMap(List)) {
            expect(IsTorsoBone(name)).withContext(name).toBeFalse();
        }
    });

    it("know a body from the rest", () => {
        for (const name of [
            "mixamorig:LeftUpLeg",
            "Hips",
            "CC_Base_R_Forearm",
            "J_Bip_L_Hand",
            "thumb_01_l",
            "DEF-spine.001",
            "Armature",
            "Bip01 L Toe0",
            "upperarm_l",
        ]) {
            expect(IsBodyBone(name)).withContext(name).toBeTrue();
        }
        for (const name of ["Head", "eyelid_L", "ears_wiggle", "hat", "FACIAL_L_Ear"]) {
            expect(IsBodyBone(name)).withContext(name).toBeFalse();
        }
    });
});

/** Names of nodes that turn an avatar's joints, as character files spell them. docs/clips.md lists the rigs. */

/** The joints that a node channel can turn. */
export type JointName = Exclude<NodeName, "torso">;

/** All joint nodes of an avatar: those, and the torso, which carries the head. */
export type NodeName = "torso" | "neck" | "jaw" | "leftEye" | "rightEye";

type Part = "neck" | "jaw" | "eye";

/**
 * What is left of a name when prefix, suffix, numbers and side are off. Head and neck both turn the neck, the only
 * joint above the shoulders.
 */
const PartByCore: Readonly<Record<string, Part>> = Object.freeze({
    head: "neck",
    headx: "neck",
    neck: "neck",
    neckx: "neck",
    necktwist: "neck",
    neckpart: "neck",
    neckhead: "neck",
    necklower: "neck",
    neckupper: "neck",
    lowerneck: "neck",
    upperneck: "neck",
    headneckupper: "neck",
    headnecklower: "neck",
    faceanchor: "neck",
    頭: "neck",
    首: "neck",
    jaw: "jaw",
    jawx: "jaw",
    jawroot: "jaw",
    jawbone: "jaw",
    jawmaster: "jaw",
    lowerjaw: "jaw",
    jawlower: "jaw",
    headjaw: "jaw",
    mandible: "jaw",
    あご: "jaw",
    顎: "jaw",
    eye: "eye",
    eyeball: "eye",
    faceeye: "eye",
    headeyeball: "eye",
    目: "eye",
});

/** Words that name the rig, the chain or the kind of node, in front of the part. */
const Prefixes = new Set(
    (
        "mixamo mixamorig mixamorigs cc base rl j bip adj def org mch facial face bind skin skel skeleton armature rig root bone bones " +
        "jnt joint jt bn b sk valve biped valvebiped character humanoid genesis normalized vrm avatar metarig c m mid center centre male female ar g d"
    ).split(" "),
);

/** Such words behind it. */
const Suffixes = new Set("bone bones bind skin def jnt joint jt bn m c mid center centre".split(" "));

const LeftWords = new Set(["l", "left", "lft", "左"]);
const RightWords = new Set(["r", "right", "rgt", "rt", "右"]);
/** A side that is written together with its part, in one case. */
const SideInWord = /^(?:(left|right|l|r)(eye|eyeball|eyebone)|(eye|eyeball)(left|right|l|r))$/;
/** Bodies of rigs: where a prefix of one's own shows. Their own turns belong to a body, which an avatar has not. */
const BodyWord =
    /^(hips?|pelvis|waist|spines?|chest|torso|ribs?|abdomen|clavicles?|collar|shoulders?|scapula|arms?|upperarm|forearm|lowerarm|elbow|wrist|hands?|palm|fingers?|thumbs?|index|middle|ring|pinky|pinkie|legs?|upleg|upperleg|lowerleg|upleg|thigh|calf|shin|knee|foot|feet|ankle|toes?|toebase|ball|heel|carpal|metacarpal|metacarpals|breast|pectoral|buttock|tail)\d*$/;

/**
 * What is left of the name of a bone of the back or the chest. Hips and waist are none of them: they carry legs too.
 */
const TorsoCores = new Set(
    (
        "spine spinex spinelower spineupper lowerspine upperspine chest chestlower chestupper upperchest lowerchest torso uppertorso abdomen abdomenlower " +
        "abdomenupper ribcage ribs 上半身"
    ).split(" "),
);

/** Splits at separators, between small and capital letters, and around digits; all lower case. */
function WordsOf(name: string): string[] {
    return name
        .replace(/([a-z])([A-Z])/g, "$1 $2")
        .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
        .replace(/([0-9]+)/g, " $1 ")
        .replace(/([左右両])/g, " $1 ")
        .toLowerCase()
        .split(/[^\p{L}\p{N}]+/u)
        .filter((word) => word.length > 0);
}

/**
 * Namespaces and paths go: `Armature|mixamorig:Head`. A full stop stays, it stands before sides and numbers as well.
 */
function OwnName(name: string): string {
    return name.slice(Math.max(name.lastIndexOf(":"), name.lastIndexOf("/"), name.lastIndexOf("|")) + 1);
}

/**
 * @param name name of a node, as in `mixamorig:Head`, `CC_Base_L_Eye`, `DEF-spine.006` or `eye.L`
 * @param ancestors names of the nodes above it. A word of one's own in front of the part (`Boy_Head`) counts as a
 * prefix if a body's bones above have it too.
 * @returns the joint it turns, or null
 */
export function FindJoint(name: string, ancestors: readonly string[] = []): JointName | null {
    const own = OwnName(name);
    const found = JointOfWords(WordsOf(own)) ?? RigifyJoint(own);
    if (found) {
        return found;
    }
    const words = WordsOf(own);
    for (const ancestor of ancestors) {
        const theirs = WordsOf(OwnName(ancestor));
        let shared = 0;
        while (shared < Math.min(words.length, theirs.length) - 1 && words[shared] === theirs[shared]) {
            shared++;
        }
        const rest = theirs.slice(shared);
        if (shared > 0 && (rest.some((word) => BodyWord.test(word)) || JointOfWords(rest) === "neck")) {
            return JointOfWords(words.slice(shared));
        }
    }
    return null;
}

/**
 * @param name name of a node
 * @returns whether it is one of a body's bones, below the neck
 */
export function IsBodyBone(name: string): boolean {
    const words = WordsOf(OwnName(name));
    return (
        words.some((word) => BodyWord.test(word)) ||
        (words.length > 0 && words.every((word) => Prefixes.has(word) || /^\d+$/.test(word)))
    );
}

/**
 * @param name name of a node, as in `mixamorig:Spine2`, `J_Bip_C_UpperChest` or `spine_03`
 * @returns whether it turns the chest, and head and shoulders with it
 */
export function IsTorsoBone(name: string): boolean {
    const own = OwnName(name);
    if (RigifyJoint(own)) {
        return false;
    }
    const rigify = /^(?:(?:DEF|ORG)-)?spine(?:\.?(00\d))?$/.exec(own);
    if (rigify && /^(?:DEF|ORG)-/.test(own)) {
        return rigify[1] !== undefined; // the one without a number is the pelvis
    }
    const words = WordsOf(own).filter((word) => !/^\d+$/.test(word));
    if (words.some((word) => LeftWords.has(word) || RightWords.has(word))) {
        return false;
    }
    return CoresOf(words).some((core) => TorsoCores.has(core.replace(/^(?:mixamorig|valvebiped|bip)/, "")));
}

/** Rigify's spine goes up to the head: .004 and .005 are the neck, .006 the head. */
function RigifyJoint(name: string): JointName | null {
    return /^(?:(?:DEF|ORG)-)?spine\.?00[456]$/.test(name) ? "neck" : null;
}

function JointOfWords(words: readonly string[]): JointName | null {
    let side = "";
    const core: string[] = [];
    for (const word of words) {
        const together = SideInWord.exec(word);
        const sideWord = together
            ? (together[1] ?? together[4])[0]
            : LeftWords.has(word)
              ? "l"
              : RightWords.has(word)
                ? "r"
                : "";
        if (sideWord) {
            if (side && side !== sideWord) {
                return null;
            }
            side = sideWord;
        }
        if (together) {
            core.push("eye");
        } else if (!sideWord && !/^\d+$/.test(word)) {
            core.push(word.replace(/^(?:mixamorig|valvebiped|bip)(?=head|neck|jaw)|(?:bone|joint|jnt)$/g, "") || word);
        }
    }
    const part = PartOf(core);
    if (part === "eye") {
        return side === "l" ? "leftEye" : side === "r" ? "rightEye" : null;
    }
    return side ? null : part;
}

/** The part that the words name. */
function PartOf(words: readonly string[]): Part | null {
    const core = CoresOf(words).find((name) => Object.hasOwn(PartByCore, name));
    return core === undefined ? null : PartByCore[core];
}

/** The words as one, and with the usual words off both ends, one by one. */
function CoresOf(words: readonly string[]): string[] {
    const cores: string[] = [];
    let [first, end] = [0, words.length];
    for (;;) {
        cores.push(words.slice(first, end).join(""));
        if (first < end && Prefixes.has(words[first])) {
            first++;
        } else if (first < end && Suffixes.has(words[end - 1])) {
            end--;
        } else {
            return cores;
        }
    }
}

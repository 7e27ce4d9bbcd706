import { AvatarFactory } from "../../../src/plugin/avatar/avatarFactory";
import { ResolveFlexAvatarOptions, type IFlexAvatarOptions } from "../../../src/plugin/componentOptions";

function NoticesOf(options: Partial<IFlexAvatarOptions>): string[] {
    const notices: string[] = [];
    new AvatarFactory({} as GPUDevice, ResolveFlexAvatarOptions(options), (code) => notices.push(code)).dispose();
    return notices;
}

describe("deprecated options", () => {
    it("are taken and told: addresses of MediaPipe's files are no longer needed", () => {
        expect(NoticesOf({ mediaPipeUrls: "mediapipe/" })).toEqual(["option-unused"]);
        expect(NoticesOf({ mediaPipeUrls: { faceMesh: "a/", selfieSegmentation: "b/" } })).toEqual(["option-unused"]);
    });

    it("say nothing when they are not used", () => {
        expect(NoticesOf({})).toEqual([]);
    });
});

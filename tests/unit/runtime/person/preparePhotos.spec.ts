import { FlexAvatarError } from "../../../../src/flame/error";
import { PreparePhotosAsync, type IPhotoParts } from "../../../../src/runtime/person/preparePhotos";

/** Parts that refuse a photo by its address. */
function Parts(error: Error): IPhotoParts {
    return {
        networks: { model: { photoSize: 128 }, headModel: {} },
        preparePhotoAsync: async (photo: unknown) => {
            if (photo === "bad.jpg") {
                throw error;
            }
            return { notices: [] };
        },
        notify: () => undefined,
    } as unknown as IPhotoParts;
}

const PrepareAsync = async (photos: string[], error: Error): Promise<unknown> =>
    await PreparePhotosAsync(Parts(error), photos, { cropPx: 0, wide: false }, {}).catch((caught: unknown) => caught);

describe("preparing photos", () => {
    it("says which of several photos fails", async () => {
        const error = new FlexAvatarError("photo-no-face", "No face was found.", { advice: "Turn on the light." });
        const caught = (await PrepareAsync(["a.jpg", "bad.jpg", "c.jpg"], error)) as FlexAvatarError;
        expect(caught.photo).toBe(1);
        expect(caught.message).toBe("Photo 2 of 3: No face was found.");
        expect([caught.code, caught.advice]).toEqual(["photo-no-face", "Turn on the light."]);
    });

    it("leaves the message of the only photo, and errors that are not about photos, alone", async () => {
        const error = new FlexAvatarError("photo-no-face", "No face was found.");
        const only = (await PrepareAsync(["bad.jpg"], error)) as FlexAvatarError;
        expect([only.photo, only.message]).toEqual([0, "No face was found."]);
        const aborted = new FlexAvatarError("aborted", "Aborted.");
        expect(await PrepareAsync(["a.jpg", "bad.jpg"], aborted)).toBe(aborted);
    });
});

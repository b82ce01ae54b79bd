// Made from openapi.json by `npm run generate`. Changes here are lost.

export interface paths {
    "/api/v1/admin/breakers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The breakers of this process. An embedded Nova has that of its media alone. */
        get: operations["breakers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events that could not be projected, and those behind them in their streams, in order of position. The list goes on
         *     with `after` as the last item's position.
         */
        get: operations["dead_letters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/projections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How every projection is doing. */
        get: operations["projections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/deletions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What was deleted, when, by whom and why, newest first. */
        get: operations["deletions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The log, in its order. */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/comments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete a comment: its author, the author of the post, or a moderator. */
        delete: operations["comments_delete"];
        options?: never;
        head?: never;
        /** Replace the text of one's own comment. */
        patch: operations["comments_edit"];
        trace?: never;
    };
    "/api/v1/comments/{id}/like": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Like a comment. Again is no error. */
        put: operations["comments_like"];
        post?: never;
        /** Take a like back. */
        delete: operations["comments_unlike"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/comments/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Bring a deleted comment back. */
        post: operations["comments_restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's conversations, the one with the newest message first. */
        get: operations["conversations"];
        put?: never;
        /** Start a conversation. Two people have one direct conversation: starting it again finds it. */
        post: operations["conversations_start"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One conversation. */
        get: operations["conversation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Rename a group: its admins. */
        patch: operations["conversations_rename"];
        trace?: never;
    };
    "/api/v1/conversations/{id}/delivered": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Say that a device has everything up to a seq. Marks only move forward, each device's for itself. */
        put: operations["conversations_mark_delivered"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/members/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Add someone to a group, or change their role: its admins. */
        put: operations["conversations_put_member"];
        post?: never;
        /** Take someone out of a group (its admins), or leave it. */
        delete: operations["conversations_remove_member"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Messages in ascending order of their seq. The list goes on by `after_seq` or `before_seq`, not by a cursor. */
        get: operations["messages"];
        put?: never;
        /** Send a message. The answer's `revision` is its seq. */
        post: operations["messages_send"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/messages/{message}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a message back: its sender, or an admin of the group. */
        delete: operations["messages_delete"];
        options?: never;
        head?: never;
        /** Replace what one's own message says, within a day. */
        patch: operations["messages_edit"];
        trace?: never;
    };
    "/api/v1/conversations/{id}/messages/audio": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send a voice message. Its upload is completed, if that has not been done. The answer's `revision` is its seq. */
        post: operations["messages_send_voice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/messages/audio/presigned-url": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Reserve the upload of a voice message, for an hour: audio of at most 5 MiB and 5 minutes. */
        post: operations["messages_reserve_voice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Say that everything up to a seq has been read. Marks only move forward. */
        put: operations["conversations_mark_read"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Clear-text messages that hold every word, best match first, the newer one first of those that match alike. Edited
         *     messages are found by what they say now, deleted ones not at all. `highlights` are parts of `text` as offsets in
         *     UTF-16 code units, from `start` up to, not including, `end`.
         */
        get: operations["search_messages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/discover": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** People whom the caller may know. */
        get: operations["discover"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tell of what was seen and done, for analysts. They may arrive more than once; their ids tell. */
        post: operations["events_publish"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/feed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The ranked feed. Its first page freezes an order that the cursors go through. */
        get: operations["feed"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/dependencies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** On what this process depends, and how that is doing. Always 200: what is down here is not what answers. */
        get: operations["dependencies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process answers. */
        get: operations["live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether to send requests here: 503 says no, and `checks` why. A process that projects is ready while its views are
         *     current, one that takes commands while the log takes appends.
         */
        get: operations["ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/media/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A medium, with an address to get it from that is good for a few minutes. */
        get: operations["medium"];
        put?: never;
        post?: never;
        /** Delete what one uploaded, as long as no message or post carries it: then it goes with that. */
        delete: operations["media_delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send a message to the conversation named in the body. */
        post: operations["messages_send_to"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Publish a post. */
        post: operations["posts_publish"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One post. */
        get: operations["post"];
        put?: never;
        post?: never;
        /** Delete one's own post; a moderator deletes any. It can be restored for 30 days. */
        delete: operations["posts_delete"];
        options?: never;
        head?: never;
        /** Replace the text of one's own post. */
        patch: operations["posts_edit"];
        trace?: never;
    };
    "/api/v1/posts/{id}/comments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The comments of a post, answers to comments among them, oldest first. */
        get: operations["comments"];
        put?: never;
        /** Comment on a post. */
        post: operations["comments_add"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts/{id}/like": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Like a post. Again is no error. */
        put: operations["posts_like"];
        post?: never;
        /** Take a like back. */
        delete: operations["posts_unlike"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Bring a deleted post back. */
        post: operations["posts_restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts/batch-create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Publish up to 100 posts. Each succeeds or fails by itself. */
        post: operations["posts_publish_batch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Posts that match every word, best match first. */
        get: operations["search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/storage/{folder}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a medium, or a range of it, from the address that `GET /media/{id}` gave. */
        get: operations["media_fetch"];
        /** Put what was reserved, with the headers that came with the address: its length, type and checksum are signed. */
        put: operations["media_store"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happens as it happens, as server-sent events: the frames of the WebSocket, of one conversation or of all. */
        get: operations["stream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the caller and those they follow posted, newest first. */
        get: operations["timeline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/trending": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Public posts of the last 48 hours by decayed engagement. */
        get: operations["trending"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Reserve an upload. The answer says where to PUT the bytes, without a token; complete it afterwards. */
        post: operations["media_reserve"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads/{id}/complete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say that the bytes are there. They are looked at, and count from here on. Again is no error. */
        post: operations["media_complete"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Open an account for the token's subject, or come back to one that was closed. */
        post: operations["users_register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One person. */
        get: operations["profile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/block": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Block someone. Also ends the following between the two, both ways. */
        put: operations["users_block"];
        post?: never;
        /** Stop blocking someone. */
        delete: operations["users_unblock"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/dismiss": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Do not suggest someone to me. Again is no error, and they do not learn of it. */
        put: operations["users_dismiss"];
        post?: never;
        /** Someone may be suggested to me again. */
        delete: operations["users_undismiss"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/follow": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Follow someone. Again is no error. */
        put: operations["users_follow"];
        post?: never;
        /** Stop following someone. */
        delete: operations["users_unfollow"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/followers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who follows someone, newest first. */
        get: operations["followers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/following": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whom someone follows, newest first. */
        get: operations["following"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/posts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What someone posted, as far as the caller may see it, newest first. */
        get: operations["posts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller. */
        get: operations["me"];
        put?: never;
        post?: never;
        /**
         * Close the account. What it wrote is hidden until its owner registers again, and every other request and live session of
         *     it is refused until then, with 403 `account_deactivated`.
         */
        delete: operations["users_deactivate"];
        options?: never;
        head?: never;
        /** Change the profile; what is left out stays. */
        patch: operations["users_change_profile"];
        trace?: never;
    };
    "/api/v1/users/me/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whom the caller blocks. */
        get: operations["blocks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ws": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happens as it happens. The token goes into the header or, within a few seconds, into the first frame:
         *     `{"op": "auth", "token"}`.
         */
        get: operations["websocket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What a command answers. */
        Accepted: {
            /**
             * Format: uuid
             * @description The thing that the command was about.
             */
            id: string;
            /**
             * Format: int64
             * @description Where in the log it stands; a query with `after=` this sees it.
             */
            position: number;
            /**
             * Format: int64
             * @description The revision of its stream; of a message, its seq. Null when nothing ever happened to it.
             */
            revision?: number | null;
        };
        AddCommentBody: {
            /**
             * Format: uuid
             * @description The comment on the same post that it answers.
             */
            parent_comment_id?: string | null;
            /** @description At most 10,000 bytes. */
            text: string;
        };
        AuditedEvent: {
            /** @description `system`, or `{"user": id}`. */
            actor: Record<string, never>;
            /** Format: uuid */
            causation_id?: string | null;
            /** Format: uuid */
            command_id: string;
            /** Format: uuid */
            correlation_id: string;
            /** @description The part that is not personal. */
            data: Record<string, never>;
            /** Format: uuid */
            event_id: string;
            /** @example PostPublished */
            kind: string;
            /** Format: date-time */
            occurred_at: string;
            /** @description The personal part; null when there is none or it cannot be read. */
            personal?: Record<string, never> | null;
            personal_state: components["schemas"]["PersonalState"];
            /** Format: int64 */
            position: number;
            /** Format: date-time */
            recorded_at: string;
            /** Format: int64 */
            revision: number;
            /** Format: int32 */
            schema_version: number;
            /** @example post-0190c4a200007000800000000000abcd */
            stream: string;
            subjects: string[];
            traceparent?: string | null;
        };
        /** @description Who wrote it. */
        Author: {
            display_name: string;
            handle: string;
            /** Format: uuid */
            id: string;
        };
        /** @description `status` is what the post alone would have answered; with it comes the answer or the problem. */
        BatchResult: {
            accepted?: components["schemas"]["Accepted"] | null;
            problem?: Record<string, never> | null;
            /** Format: int32 */
            status: number;
        };
        BatchResults: {
            /**
             * Format: int64
             * @description Where in the log the last of them stands; a query with `after=` this sees all that were accepted.
             *     Null when none was.
             */
            position?: number | null;
            /** @description One for each post, in the order of the request. */
            results: components["schemas"]["BatchResult"][];
        };
        /** @description A breaker between this process and something it depends on. */
        BreakerOf: Record<string, never> & {
            /** @description Where that is. */
            address: string;
        };
        ChangeProfileBody: {
            /** @description An empty one takes it away. */
            bio?: string | null;
            display_name?: string | null;
            handle?: string | null;
        };
        Comment: {
            author: components["schemas"]["Author"];
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            edited_at?: string | null;
            /** Format: uuid */
            id: string;
            /** Format: int64 */
            like_count: number;
            liked_by_viewer: boolean;
            /**
             * Format: uuid
             * @description The comment it answers. It may have been deleted since.
             */
            parent_comment_id?: string | null;
            /** Format: uuid */
            post_id: string;
            text: string;
        };
        /** @enum {string} */
        Condition: "up" | "down" | "not_ready";
        Conversation: {
            /** Format: uuid */
            id: string;
            /** @example direct */
            kind: string;
            last_message?: components["schemas"]["Message"] | null;
            /**
             * Format: int64
             * @description How far the viewer has read; null when they have not read anything.
             */
            last_read_seq?: number | null;
            /**
             * Format: int64
             * @description The highest seq there is; edits and deletions count. Null before the first message.
             */
            last_seq?: number | null;
            /** @description In the order they joined, then by id. */
            members: components["schemas"]["Member"][];
            title?: string | null;
            /**
             * Format: int64
             * @description Messages of others after `last_read_seq` that are not deleted.
             */
            unread_count: number;
        };
        /** @description An event that waits for an operator. */
        DeadLetter: {
            /** @description Why it could not be projected; for the ones behind it: that their stream is parked. */
            error: string;
            kind: string;
            /** Format: date-time */
            parked_at: string;
            /** Format: int64 */
            position: number;
            projection: string;
            stream: string;
        };
        Deletion: {
            /** Format: uuid */
            causation_id?: string | null;
            /** Format: uuid */
            correlation_id: string;
            /** Format: date-time */
            deleted_at: string;
            /**
             * Format: uuid
             * @description Null when Nova itself did it.
             */
            deleted_by?: string | null;
            entity: components["schemas"]["Entity"];
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            owner_id: string;
            /**
             * Format: int64
             * @description The position of the deletion in the log.
             */
            position: number;
            reason?: string | null;
            /** Format: date-time */
            restored_at?: string | null;
        };
        DeliveredBody: {
            /** @description The client's own name for the device, the same each time; at most 128 bytes. Only its keyed hash is kept. */
            device_id: string;
            /** Format: int64 */
            seq: number;
        };
        Dependencies: {
            dependencies: components["schemas"]["Dependency"][];
            status: components["schemas"]["Condition"];
        };
        Dependency: {
            /**
             * @description Between this process and it: `closed` lets questions through, `open` does not, `half_open` lets one through at a
             *     time.
             * @example closed
             */
            breaker?: string | null;
            /** @description In words, for people. */
            detail: string;
            /**
             * @description What is wrong now, or (with `status` up) what was wrong last.
             * @example timeout
             */
            error_class?: string | null;
            /**
             * Format: double
             * @description How long it took to find out.
             */
            latency_ms?: number | null;
            /** @example views */
            name: string;
            /** @description Without it nothing works; without another one answers come from elsewhere, and say so. */
            required: boolean;
            status: components["schemas"]["Condition"];
        };
        EditBody: {
            device_id?: string | null;
            encrypted_content?: string | null;
            nonce?: string | null;
            text?: string | null;
        };
        /** @enum {string} */
        Entity: "user" | "post" | "comment" | "message";
        EventBody: {
            /**
             * Format: date-time
             * @description When it happened; now when it is not given.
             */
            at?: string | null;
            /**
             * Format: uuid
             * @description The same id is the same event, however often it is sent. Made when it is not given; the same again for the same
             *     `Idempotency-Key`.
             */
            id?: string | null;
            /**
             * @description `impression`, `view`, `click`, `dwell`, `scroll`, `expand`, `play`, `pause`, `complete`, `share`, `hide`, `open`
             *     or `close`.
             * @example impression
             */
            kind: string;
            /** @description Numbers, truth values and words of `a-z 0-9 _ . -`; no text that someone wrote. */
            properties?: Record<string, never>;
            /** Format: uuid */
            session_id?: string | null;
            /** @description `{"type": "post" | "comment" | "user" | "conversation" | "message" | "media", "id"}`. */
            subject?: Record<string, never> | null;
        };
        /** @description Part of the log. */
        EventPage: {
            /** Format: date-time */
            as_of: string;
            degraded: boolean;
            /**
             * Format: int64
             * @description The head of the log.
             */
            head: number;
            items: components["schemas"]["AuditedEvent"][];
            /** @description The `after` to go on with; null at the head of the log. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Everything up to here has been looked at.
             */
            position: number;
            /** @example log */
            source: string;
        };
        /** @description How many were accepted: all of them. */
        EventsAccepted: {
            accepted: number;
            /** @description They wait on disk, since the transport is away. They are not lost. */
            queued: boolean;
        };
        EventsBody: {
            /** @description 1 to 100. */
            events: components["schemas"]["EventBody"][];
        };
        FeedItem: components["schemas"]["PostCard"] & {
            reason: components["schemas"]["FeedReason"];
            /**
             * Format: double
             * @description Between 0 and 1 with the weights that Nova comes with; see `ranking`.
             */
            score: number;
        };
        /**
         * @description Why a post is in someone's feed; the first that applies.
         * @enum {string}
         */
        FeedReason: "following" | "affinity" | "trending";
        /** @description What is wrong with one field of a request. */
        FieldError: {
            /** @example required */
            code: string;
            detail: string;
            /** @description The path of the field, such as `members[2]`; a parameter's or a header's name. */
            field: string;
        };
        Health: {
            status: components["schemas"]["Condition"];
        };
        /**
         * @description A part of a text: from `start` up to, not including, `end`, counted in UTF-16 code units as strings are in
         *     JavaScript, so `text.slice(start, end)` is what was found. Offsets rather than marked-up text: there is nothing to
         *     escape, and nothing in a message can pass for a mark.
         */
        Highlight: {
            end: number;
            start: number;
        };
        /** @description Part of a list. */
        ListOf_BreakerOf: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: (Record<string, never> & {
                /** @description Where that is. */
                address: string;
            })[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Comment: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: {
                author: components["schemas"]["Author"];
                /** Format: date-time */
                created_at: string;
                /** Format: date-time */
                edited_at?: string | null;
                /** Format: uuid */
                id: string;
                /** Format: int64 */
                like_count: number;
                liked_by_viewer: boolean;
                /**
                 * Format: uuid
                 * @description The comment it answers. It may have been deleted since.
                 */
                parent_comment_id?: string | null;
                /** Format: uuid */
                post_id: string;
                text: string;
            }[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Conversation: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: {
                /** Format: uuid */
                id: string;
                /** @example direct */
                kind: string;
                last_message?: components["schemas"]["Message"] | null;
                /**
                 * Format: int64
                 * @description How far the viewer has read; null when they have not read anything.
                 */
                last_read_seq?: number | null;
                /**
                 * Format: int64
                 * @description The highest seq there is; edits and deletions count. Null before the first message.
                 */
                last_seq?: number | null;
                /** @description In the order they joined, then by id. */
                members: components["schemas"]["Member"][];
                title?: string | null;
                /**
                 * Format: int64
                 * @description Messages of others after `last_read_seq` that are not deleted.
                 */
                unread_count: number;
            }[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_DeadLetter: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: {
                /** @description Why it could not be projected; for the ones behind it: that their stream is parked. */
                error: string;
                kind: string;
                /** Format: date-time */
                parked_at: string;
                /** Format: int64 */
                position: number;
                projection: string;
                stream: string;
            }[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Deletion: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: {
                /** Format: uuid */
                causation_id?: string | null;
                /** Format: uuid */
                correlation_id: string;
                /** Format: date-time */
                deleted_at: string;
                /**
                 * Format: uuid
                 * @description Null when Nova itself did it.
                 */
                deleted_by?: string | null;
                entity: components["schemas"]["Entity"];
                /** Format: uuid */
                id: string;
                /** Format: uuid */
                owner_id: string;
                /**
                 * Format: int64
                 * @description The position of the deletion in the log.
                 */
                position: number;
                reason?: string | null;
                /** Format: date-time */
                restored_at?: string | null;
            }[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_FeedItem: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: (components["schemas"]["PostCard"] & {
                reason: components["schemas"]["FeedReason"];
                /**
                 * Format: double
                 * @description Between 0 and 1 with the weights that Nova comes with; see `ranking`.
                 */
                score: number;
            })[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Message: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: {
                /** Format: uuid */
                conversation_id: string;
                /** Format: date-time */
                created_at: string;
                /** @description What it said is gone then; its place stays. */
                deleted: boolean;
                /** Format: date-time */
                edited_at?: string | null;
                encrypted_content?: string | null;
                /** Format: uuid */
                id: string;
                media?: components["schemas"]["MediaRef"] | null;
                /** @example text */
                message_type: string;
                nonce?: string | null;
                /** Format: uuid */
                reply_to?: string | null;
                /** Format: uuid */
                sender_id: string;
                /**
                 * Format: int64
                 * @description Its place in the conversation. Edits and deletions take a seq too, so a list has gaps.
                 */
                seq: number;
                text?: string | null;
            }[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_MessageHit: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: (components["schemas"]["Message"] & {
                /** @description Where in `text` the words stand, in order and apart from each other; at most 100. */
                highlights: components["schemas"]["Highlight"][];
            })[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_PostCard: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: {
                /** @description Shared between the cards of one author. */
                author: components["schemas"]["Author"];
                /**
                 * Format: int64
                 * @description Comments that are not deleted, answers to comments included.
                 */
                comment_count: number;
                /** Format: date-time */
                created_at: string;
                /** Format: date-time */
                edited_at?: string | null;
                /** Format: uuid */
                id: string;
                /** Format: int64 */
                like_count: number;
                liked_by_viewer: boolean;
                media: components["schemas"]["MediaRef"][];
                /** Format: int64 */
                share_count: number;
                /** @description Empty when the author's data has been erased. */
                text: string;
                /** @example public */
                visibility: string;
            }[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Profile: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: {
                bio?: string | null;
                /** Format: date-time */
                created_at: string;
                display_name: string;
                followed_by_viewer: boolean;
                /** Format: int64 */
                follower_count: number;
                /** Format: int64 */
                following_count: number;
                follows_viewer: boolean;
                handle: string;
                /** Format: uuid */
                id: string;
                /**
                 * Format: int64
                 * @description Posts that are not deleted, whatever their visibility.
                 */
                post_count: number;
            }[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Projection: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: (components["schemas"]["ProjectionStatus"] & {
                /**
                 * Format: int64
                 * @description Events between it and the head of the log.
                 */
                lag: number;
            })[];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        MediaRef: {
            /** Format: uuid */
            id: string;
            kind: string;
            url: string;
        };
        /** @description A medium, and where to get it. */
        Medium: {
            /** Format: int64 */
            content_length: number;
            content_type: string;
            /**
             * Format: int64
             * @description How long it plays; of audio.
             */
            duration_ms?: number | null;
            /**
             * Format: int64
             * @description In seconds.
             */
            expires_in: number;
            /** Format: uuid */
            id: string;
            /** @description `audio`, `image` or `video`. */
            kind: string;
            /** Format: uuid */
            owner_id: string;
            /** @description Of the bytes, in hexadecimal. */
            sha256: string;
            /** @description GET it there, without a token. */
            url: string;
            /** @description How loud a voice message is over its time, from 0 to 255. */
            waveform?: number[] | null;
        };
        Member: {
            /**
             * Format: int64
             * @description How far any of their devices has received what was said; null when none has said so. What was read was received
             *     as well, whether or not a device said so: the state of a message is told by the higher of the two.
             */
            delivered_seq?: number | null;
            /** Format: date-time */
            joined_at: string;
            /**
             * Format: int64
             * @description How far they have read; null when they have not read anything, and in a direct conversation while one of the two
             *     blocks the other.
             */
            last_read_seq?: number | null;
            /**
             * @description `admin` also of the member who acts as the admin of a group whose admins have all closed their accounts: the one
             *     with an open account who has been in it longest.
             * @example member
             */
            role: string;
            /** Format: uuid */
            user_id: string;
        };
        MemberBody: {
            /** @description `member` or `admin`. Left out: a newcomer is a member, a member stays what they are. */
            role?: string | null;
        };
        Message: {
            /** Format: uuid */
            conversation_id: string;
            /** Format: date-time */
            created_at: string;
            /** @description What it said is gone then; its place stays. */
            deleted: boolean;
            /** Format: date-time */
            edited_at?: string | null;
            encrypted_content?: string | null;
            /** Format: uuid */
            id: string;
            media?: components["schemas"]["MediaRef"] | null;
            /** @example text */
            message_type: string;
            nonce?: string | null;
            /** Format: uuid */
            reply_to?: string | null;
            /** Format: uuid */
            sender_id: string;
            /**
             * Format: int64
             * @description Its place in the conversation. Edits and deletions take a seq too, so a list has gaps.
             */
            seq: number;
            text?: string | null;
        };
        /** @description A message that a search found. */
        MessageHit: components["schemas"]["Message"] & {
            /** @description Where in `text` the words stand, in order and apart from each other; at most 100. */
            highlights: components["schemas"]["Highlight"][];
        };
        /** @enum {string} */
        PersonalState: "absent" | "clear" | "redacted" | "damaged";
        /** @description A post, as one viewer sees it. */
        PostCard: {
            /** @description Shared between the cards of one author. */
            author: components["schemas"]["Author"];
            /**
             * Format: int64
             * @description Comments that are not deleted, answers to comments included.
             */
            comment_count: number;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            edited_at?: string | null;
            /** Format: uuid */
            id: string;
            /** Format: int64 */
            like_count: number;
            liked_by_viewer: boolean;
            media: components["schemas"]["MediaRef"][];
            /** Format: int64 */
            share_count: number;
            /** @description Empty when the author's data has been erased. */
            text: string;
            /** @example public */
            visibility: string;
        };
        /** @description Where to put it, and how. */
        PresignedUpload: {
            /**
             * Format: int64
             * @description In seconds.
             */
            expires_in: number;
            headers: {
                [key: string]: string;
            };
            method: string;
            /** Format: int64 */
            position: number;
            /** @description PUT the bytes there, with exactly these headers. */
            presigned_url: string;
            s3_key: string;
            /**
             * Format: uuid
             * @description Also the id of the medium.
             */
            upload_id: string;
        };
        /** @description The body of an error. Written by hand-picked fields so that nothing else can slip in. */
        Problem: {
            /**
             * @description Stable; for programs.
             * @example validation_failed
             */
            code: string;
            /**
             * Format: uuid
             * @description Ties the answer to Nova's own records of the request.
             */
            correlation_id: string;
            /** @description For people. */
            detail: string;
            errors?: components["schemas"]["FieldError"][];
            /**
             * Format: int32
             * @example 422
             */
            status: number;
            /**
             * @description The status in words.
             * @example Unprocessable Entity
             */
            title: string;
            /** @description Names the kind of problem: `urn:nova:problem:` and the code. */
            type: string;
        };
        Profile: {
            bio?: string | null;
            /** Format: date-time */
            created_at: string;
            display_name: string;
            followed_by_viewer: boolean;
            /** Format: int64 */
            follower_count: number;
            /** Format: int64 */
            following_count: number;
            follows_viewer: boolean;
            handle: string;
            /** Format: uuid */
            id: string;
            /**
             * Format: int64
             * @description Posts that are not deleted, whatever their visibility.
             */
            post_count: number;
        };
        /** @description A projection and how far it is behind the log. */
        Projection: components["schemas"]["ProjectionStatus"] & {
            /**
             * Format: int64
             * @description Events between it and the head of the log.
             */
            lag: number;
        };
        /** @description What an operator sees of a projection. */
        ProjectionStatus: {
            /** Format: int64 */
            dead_letters: number;
            /**
             * Format: int64
             * @description Counts the rebuilds.
             */
            generation: number;
            name: string;
            /**
             * Format: int64
             * @description Streams that are parked.
             */
            parked_streams: number;
            /**
             * Format: int64
             * @description How far the live view is.
             */
            position: number;
            /**
             * Format: int64
             * @description How far a rebuild is, when one is going on.
             */
            rebuilding?: number | null;
        };
        PublishBatchBody: {
            /** @description 1 to 100 posts. */
            posts: components["schemas"]["PublishBody"][];
        };
        PublishBody: {
            media_ids?: string[];
            /** @description At most 10,000 bytes. */
            text: string;
            /**
             * @description `public` (the default), `followers` or `private`.
             * @example public
             */
            visibility?: string;
        };
        ReadBody: {
            /** Format: int64 */
            seq: number;
        };
        Readiness: {
            /**
             * Format: int64
             * @description How far the views are.
             */
            applied: number;
            /** @description Everything that was looked at, one by one. */
            checks: components["schemas"]["ReadyCheck"][];
            /** @description Live sessions are being sent away. */
            draining: boolean;
            /**
             * Format: int64
             * @description The head of the log.
             */
            head: number;
            status: components["schemas"]["Condition"];
        };
        ReadyCheck: {
            /** @description In words, for people. */
            detail: string;
            /** @example projection/posts */
            name: string;
            /** @description Whether this process is not ready without it. */
            required: boolean;
            status: components["schemas"]["Condition"];
        };
        /** @description Why something is deleted: the optional body of every DELETE. */
        ReasonBody: {
            /** @description At most 1,000 bytes. */
            reason?: string | null;
        };
        RegisterBody: {
            /** @description At most 2,000 bytes. */
            bio?: string | null;
            /** @description At most 200 bytes. */
            display_name: string;
            /** @description 3 to 30 of a-z, 0-9 and _. */
            handle: string;
        };
        RenameBody: {
            /** @description At most 200 bytes. */
            title: string;
        };
        /** @description Either `text`, or `encrypted_content` with its `nonce`, which the server stores as they come. */
        SendBody: {
            client_message_id?: string | null;
            device_id?: string | null;
            /** @description At most 64 KiB. */
            encrypted_content?: string | null;
            /** Format: uuid */
            media_id?: string | null;
            /** @example text */
            message_type?: string | null;
            nonce?: string | null;
            /**
             * Format: uuid
             * @description A message of the same conversation.
             */
            reply_to?: string | null;
            /** @description At most 64 KiB. */
            text?: string | null;
        };
        /** @description The same with the conversation in the body. */
        SendToBody: {
            client_message_id?: string | null;
            /** Format: uuid */
            conversation_id: string;
            device_id?: string | null;
            encrypted_content?: string | null;
            /** Format: uuid */
            media_id?: string | null;
            message_type?: string | null;
            nonce?: string | null;
            /** Format: uuid */
            reply_to?: string | null;
            text?: string | null;
        };
        StartBody: {
            /**
             * @description `direct` or `group`.
             * @example direct
             */
            kind: string;
            /** @description The others: exactly one for `direct`, at most 499 for `group`. */
            members: string[];
            /** @description For groups; at most 200 bytes. */
            title?: string | null;
        };
        TextBody: {
            /** @description At most 10,000 bytes. */
            text: string;
        };
        /** @description What is to be uploaded: exactly this. */
        UploadBody: {
            /**
             * Format: int64
             * @description In bytes: at most 5 MiB of audio, 10 MiB of a picture, 100 MiB of video.
             */
            content_length: number;
            /**
             * @description `audio/ogg`, `audio/webm`, `audio/mp4`, `audio/mpeg`, `image/jpeg`, `image/png`, `image/webp`, `image/gif`, `video/mp4` or
             *     `video/webm`.
             */
            content_type: string;
            /**
             * @description `audio`, `image` or `video`; as the content type says.
             * @example image
             */
            kind?: string | null;
            /** @description SHA-256 of the bytes, in hexadecimal or base64. */
            sha256: string;
        };
        VoiceBody: {
            client_message_id?: string | null;
            /**
             * Format: int64
             * @description How long it plays, within two seconds (or a tenth) of what its container says.
             */
            duration_ms: number;
            /** Format: uuid */
            reply_to?: string | null;
            /** Format: uuid */
            upload_id: string;
            /**
             * @description At most 100 samples of how loud it is: whole numbers from 0 to 255. Or fractions from 0 to 1, of which at least one
             *     is no whole number: `[0, 1, 1, 0]` is nearly silent. A mixture of the two is refused.
             */
            waveform?: number[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    breakers: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_BreakerOf"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    dead_letters: {
        parameters: {
            query?: {
                /** @description Those behind this position. */
                after?: number;
                /** @description How many items, 1 to 100. */
                limit?: number;
                /** @description Those of this projection; without it, of all. */
                projection?: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_DeadLetter"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    projections: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_Projection"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deletions: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log. */
                after?: number;
                /** @description Those in force at this time (RFC 3339): deleted by then, and not restored by then. */
                as_of?: string;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                deleted_by?: string;
                /** @description `user`, `post`, `comment` or `message`. */
                entity?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_Deletion"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description Those behind this position; 0: from the start. */
                after?: number;
                /** @description Only those of streams of this category, such as `post`. */
                category?: string;
                /** @description Only those of this type, such as `PostPublished`. */
                kind?: string;
                /** @description How many events, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventPage"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    comments_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ReasonBody"] | null;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    comments_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TextBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    comments_like: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    comments_unlike: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    comments_restore: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    conversations: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_Conversation"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    conversations_start: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["StartBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    conversation: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    conversations_rename: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RenameBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    conversations_mark_delivered: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeliveredBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    conversations_put_member: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
                /** @description An id or `@handle` */
                user: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["MemberBody"] | null;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    conversations_remove_member: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
                /** @description An id or `@handle` */
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    messages: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log. */
                after?: number;
                /** @description Those with a higher seq; -1: from the start. */
                after_seq?: number;
                /** @description Those with a lower seq: the ones next to it. */
                before_seq?: number;
                /** @description How many messages, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_Message"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    messages_send: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    messages_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
                message: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ReasonBody"] | null;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    messages_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
                message: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EditBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    messages_send_voice: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VoiceBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description not_uploaded, upload_expired, upload_rejected or media_in_use */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description media_unavailable, with Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    messages_reserve_voice: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UploadBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PresignedUpload"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description media_unavailable, with Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    conversations_mark_read: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReadBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    search_messages: {
        parameters: {
            query: {
                /** @description Wait (a little) until the views have seen this position of the log. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
                /** @description Words, all of which must be there. */
                q: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_MessageHit"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    discover: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_Profile"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events_publish: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EventsBody"];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventsAccepted"];
                };
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    feed: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_FeedItem"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    dependencies: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Dependencies"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    live: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ready: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    medium: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log. */
                after?: number;
                /** @description Answer with a redirect to the bytes. */
                redirect?: boolean;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Medium"];
                };
            };
            /** @description to the bytes */
            307: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description media_in_use */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    messages_send_to: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendToBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    posts_publish: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PublishBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    post: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PostCard"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    posts_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ReasonBody"] | null;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    posts_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TextBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    comments: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_Comment"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    comments_add: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AddCommentBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    posts_like: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    posts_unlike: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    posts_restore: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description grace_over */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    posts_publish_batch: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PublishBatchBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchResults"];
                };
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    search: {
        parameters: {
            query: {
                /** @description Wait (a little) until the views have seen this position of the log. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
                /** @description Words, all of which must be there. */
                q: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_PostCard"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_fetch: {
        parameters: {
            query: {
                expires: number;
                signature: string;
                type: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                folder: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what it showed is gone */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_store: {
        parameters: {
            query: {
                /** @description Seconds since the Unix epoch. */
                expires: number;
                signature: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                folder: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description the body is not what was signed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description the address is not (any more) good for this */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            411: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stream: {
        parameters: {
            query?: {
                /** @description The last seq that the client has; -1: from the start. Without it, only what comes. `Last-Event-ID` goes first. */
                after_seq?: number;
                /** @description One conversation; without it, all of the caller's and the posts of those they follow. */
                conversation_id?: string;
            };
            header?: {
                /** @description The id of the last event that the client has */
                "Last-Event-ID"?: string | null;
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Frames, one per event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    timeline: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_PostCard"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    trending: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_PostCard"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_reserve: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UploadBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PresignedUpload"];
                };
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description media_unavailable, with Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    media_complete: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description not_uploaded, upload_expired or upload_rejected */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description media_unavailable, with Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_register: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RegisterBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description handle_taken, handle_reserved, already_registered */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    profile: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id, `@handle` or `me` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_block: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_unblock: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_dismiss: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_undismiss: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_follow: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_unfollow: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    followers: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id, `@handle` or `me` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_Profile"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    following: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id, `@handle` or `me` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_Profile"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    posts: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path: {
                /** @description An id, `@handle` or `me` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_PostCard"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    me: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_deactivate: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ReasonBody"] | null;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    users_change_profile: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangeProfileBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description handle_taken, handle_reserved */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    blocks: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: number;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many items, 1 to 100. */
                limit?: number;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListOf_Profile"];
                };
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    websocket: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Operations in, frames out. */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What went wrong (RFC 9457). */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}

import java.io.*;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import org.apache.catalina.tribes.*;
import org.apache.catalina.tribes.group.*;
import org.apache.catalina.tribes.group.interceptors.*;
import org.apache.catalina.tribes.io.*;
import org.apache.catalina.tribes.membership.*;
import org.apache.catalina.tribes.tipis.*;
import org.apache.catalina.tribes.transport.nio.*;

/**
 * A member of a group on Tomcat's own library. It prints what happens, a line each, and takes the commands of a Go member from stdin.
 *
 *   Peer ADDRESS STACK...
 */
public class Peer implements ChannelListener, MembershipListener, RpcCallback {
    final GroupChannel channel = new GroupChannel();
    final ExecutorService work = Executors.newCachedThreadPool();
    RpcChannel rpc;
    AbstractReplicatedMap<String, Serializable> map;

    static synchronized void print(String text) { System.out.println(text); System.out.flush(); }

    public static void main(String[] args) throws Exception { new Peer().run(args); }

    void run(String[] args) throws Exception {
        NioReceiver receiver = (NioReceiver) channel.getChannelReceiver();
        receiver.setAddress(args[0]);
        receiver.setPort(4000);
        for (int i = 1; i < args.length; i++) {
            if (args[i].startsWith("static=")) channel.setMembershipService(staticService(args[0], args[i].substring(7).split(",")));
            else if (args[i].equals("udp")) receiver.setUdpPort(4600);
            else if (args[i].startsWith("group=")) {
                McastService group = (McastService) channel.getMembershipService();
                group.setAddress(args[i].substring(6));
                group.setBind(args[0]);
            }
            else channel.addInterceptor(interceptor(args[i]));
        }
        channel.addChannelListener(this);
        channel.addMembershipListener(this);
        rpc = new RpcChannel("echo".getBytes(StandardCharsets.ISO_8859_1), channel, this);
        channel.start(Channel.DEFAULT);
        print("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try { print(command(line.split(" "))); } catch (Exception e) { print("failed " + e); }
        }
        if (map != null) map.breakdown();
        channel.stop(Channel.DEFAULT);
        System.exit(0);
    }

    /** StaticMembershipService of CHANNEL,OWN ID,HOST:ID... */
    MembershipService staticService(String own, String[] w) throws Exception {
        channel.setName(w[0]);
        StaticMembershipService service = new StaticMembershipService();
        service.setLocalMember(member(own, w[1]));
        for (int i = 2; i < w.length; i++) service.addStaticMember(member(w[i].split(":")[0], w[i].split(":")[1]));
        return service;
    }

    static StaticMember member(String host, String id) throws Exception {
        StaticMember m = new StaticMember(host, 4000, 0);
        byte[] bytes = new byte[16];
        bytes[15] = Byte.parseByte(id);
        m.setUniqueId(bytes);
        return m;
    }

    static ChannelInterceptor interceptor(String name) throws Exception {
        switch (name) {
            case "dispatch": return new MessageDispatchInterceptor();
            case "detector": return new TcpFailureDetector();
            case "ping": return new TcpPingInterceptor();
            case "gzip": return new GzipInterceptor();
            case "order": return new OrderInterceptor();
            case "fragmentation": return new FragmentationInterceptor();
            case "encrypt": { EncryptInterceptor e = new EncryptInterceptor(); e.setEncryptionKey("000102030405060708090a0b0c0d0e0f"); return e; }
            default: throw new IllegalArgumentException(name);
        }
    }

    String command(String[] w) throws Exception {
        switch (w[0]) {
            case "members": {
                TreeSet<String> all = new TreeSet<>();
                for (Member m : channel.getMembers()) all.add(host(m));
                return "members " + String.join(" ", all);
            }
            case "send": {
                int count = Integer.parseInt(w[1]), size = Integer.parseInt(w[2]), options = Integer.parseInt(w[3]);
                for (int i = 0; i < count; i++) {
                    byte[] data = new byte[size];
                    for (int k = 0; k < size; k++) data[k] = (byte) (k * 31 + i);
                    channel.send(channel.getMembers(), new ByteMessage(data), options);
                }
                return "sent " + count;
            }
            case "ask": {
                Response[] all = rpc.send(channel.getMembers(), w[1], RpcChannel.ALL_REPLY, Channel.SEND_OPTIONS_DEFAULT, 5000);
                TreeSet<String> texts = new TreeSet<>();
                for (Response r : all) texts.add(String.valueOf(r.getMessage()));
                return "answers " + String.join(", ", texts);
            }
            case "map": {
                map = w[1].equals("copy")
                    ? new ReplicatedMap<>(null, channel, 5000, "test-map", new ClassLoader[] {Peer.class.getClassLoader()})
                    : new LazyReplicatedMap<>(null, channel, 5000, "test-map", new ClassLoader[] {Peer.class.getClassLoader()});
                return "map " + map.keySetFull().size();
            }
            case "put": map.put(w[1], w[2]); return "put " + w[1];
            case "get": return "value " + map.get(w[1]);
            case "remove": return "removed " + map.remove(w[1]);
            case "keys": return "keys " + String.join(" ", new TreeSet<>(map.keySetFull()));
            case "role": {
                AbstractReplicatedMap.MapEntry<String, Serializable> e = map.getInternal(w[1]);
                return "role " + (e == null ? "none" : e.isPrimary() ? "primary" : e.isBackup() ? "backup" : e.isProxy() ? "proxy" : "copy");
            }
            default: return "bad command " + w[0];
        }
    }

    static String host(Member m) {
        StringJoiner text = new StringJoiner(".");
        for (byte b : m.getHost()) text.add(String.valueOf(b & 255));
        return text.toString();
    }

    @Override public boolean accept(Serializable msg, Member from) { return msg instanceof ByteMessage; }

    @Override public void messageReceived(Serializable msg, Member from) {
        byte[] data = ((ByteMessage) msg).getMessage();
        try {
            StringBuilder hex = new StringBuilder();
            for (byte b : MessageDigest.getInstance("SHA-256").digest(data)) hex.append(String.format("%02x", b));
            print("got " + data.length + " " + hex + " from " + host(from));
        } catch (Exception e) { print("failed " + e); }
    }

    @Override public void memberAdded(Member m) { print("joined " + host(m)); }
    @Override public void memberDisappeared(Member m) { print("left " + host(m)); }

    @Override public Serializable replyRequest(Serializable msg, Member from) { return "java:" + msg; }
    @Override public void leftOver(Serializable msg, Member from) { }
}

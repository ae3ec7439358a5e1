import java.io.*;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.catalina.tribes.*;
import org.apache.catalina.tribes.group.*;
import org.apache.catalina.tribes.group.interceptors.*;
import org.apache.catalina.tribes.io.*;
import org.apache.catalina.tribes.membership.*;
import org.apache.catalina.tribes.transport.nio.*;

/** A member on Tomcat's own library that does what the benchmark says, a line each. */
public class Node implements ChannelListener {
    static final int SIZE = 1024;
    final GroupChannel channel = new GroupChannel();
    volatile long[] late = new long[0];
    final AtomicInteger got = new AtomicInteger();
    volatile CountDownLatch all = new CountDownLatch(0);

    public static void main(String[] args) throws Exception { new Node().run(); }

    void run() throws Exception {
        NioReceiver receiver = (NioReceiver) channel.getChannelReceiver();
        receiver.setAddress("127.0.0.1");
        receiver.setPort(4100);
        channel.addInterceptor(new MessageDispatchInterceptor());
        channel.addInterceptor(new TcpFailureDetector());
        channel.addChannelListener(this);
        channel.start(Channel.SND_RX_SEQ | Channel.SND_TX_SEQ);
        System.out.println("ready " + channel.getLocalMember(false).getPort());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] w = line.split(" ");
            if (w[0].equals("expect")) {
                late = new long[Integer.parseInt(w[1])];
                got.set(0);
                all = new CountDownLatch(late.length);
                System.out.println("expecting");
                CountDownLatch waited = all;
                long[] times = late;
                new Thread(() -> {
                    try { waited.await(); } catch (InterruptedException e) { return; }
                    System.out.println("got " + quantiles(times));
                }).start();
            } else {
                System.out.println("sent " + send(w));
            }
        }
        System.exit(0);
    }

    static String quantiles(long[] all) {
        long[] sorted = all.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2] + " " + sorted[sorted.length * 99 / 100];
    }

    static long now() { Instant i = Instant.now(); return i.getEpochSecond() * 1_000_000_000L + i.getNano(); }

    /** send COUNT THREADS OPTIONS PAUSE_MICROSECONDS PORT...; with options -1 only the pauses. */
    String send(String[] w) throws Exception {
        int count = Integer.parseInt(w[1]), threads = Integer.parseInt(w[2]), options = Integer.parseInt(w[3]), pause = Integer.parseInt(w[4]);
        Member[] to = new Member[w.length - 5];
        for (int i = 0; i < to.length; i++) {
            MemberImpl m = new MemberImpl("127.0.0.1", Integer.parseInt(w[5 + i]), 0);
            m.setUniqueId(new byte[16]);
            to[i] = m;
        }
        long[] took = new long[count];
        AtomicInteger next = new AtomicInteger();
        Thread[] all = new Thread[threads];
        ConcurrentLinkedQueue<Exception> failed = new ConcurrentLinkedQueue<>();
        for (int t = 0; t < threads; t++) {
            all[t] = new Thread(() -> {
                try {
                    for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                        byte[] data = new byte[SIZE];
                        ByteBuffer.wrap(data).putLong(now());
                        long began = System.nanoTime();
                        if (options >= 0) channel.send(to, new ByteMessage(data), options);
                        took[i] = System.nanoTime() - began;
                        if (pause > 0) TimeUnit.MICROSECONDS.sleep(pause);
                    }
                } catch (Exception e) { failed.add(e); }
            });
            all[t].start();
        }
        for (Thread t : all) t.join();
        if (!failed.isEmpty()) throw failed.peek();
        return quantiles(took);
    }

    @Override public boolean accept(Serializable msg, Member from) { return msg instanceof ByteMessage; }

    @Override public void messageReceived(Serializable msg, Member from) {
        int i = got.getAndIncrement();
        if (i < late.length) late[i] = now() - ByteBuffer.wrap(((ByteMessage) msg).getMessage()).getLong();
        all.countDown();
    }
}
